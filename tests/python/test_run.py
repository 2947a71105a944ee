"""ap.Run: started, watched, cancelled, waited for, interrupted."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import aiperf_cpp as ap
import pytest
from api_support import ENDLESS, SHORT, options
from command_support import HANG_S, TOKENIZER, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import MockFactory


def test_watching_shows_progress_and_then_the_end(mock: MockFactory, tmp_path: Path) -> None:
    with ap.Run(**options(mock(flags=SHORT), tmp_path / "run", request_count=20)) as run:
        snapshots = list(run.watch(every=0.02))
    assert run.done
    assert len(snapshots) > 1
    assert all(snapshot.status == "running" for snapshot in snapshots[:-1])
    last = snapshots[-1]
    assert (last.phase, last.status, last.completed, last.in_flight) == ("done", "complete", 20, 0)
    counts = [snapshot.completed for snapshot in snapshots if snapshot.phase == "profiling"]
    assert counts == sorted(counts)
    assert "20 of 20 done" in repr(last)


def test_the_results_server_stays_for_the_grace_which_close_waits_for(mock: MockFactory, tmp_path: Path) -> None:
    environment = {"AIPERF_API_SERVER_POST_COMPLETE_GRACE": "2"}
    opts = options(mock(flags=SHORT), tmp_path / "run", request_count=5, api_port=0)
    with ap.Run(environment=environment, **opts) as run:
        assert run.result().status == "complete"
        url = run.api_url
        assert url is not None
        with urllib.request.urlopen(f"{url}/api/results", timeout=HANG_S) as answer:
            assert json.load(answer)["status"] == "complete"
    assert run.api_url is None
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"{url}/api/results", timeout=HANG_S)


def test_cancelling_closes_what_is_in_flight_and_keeps_the_artifacts(mock: MockFactory, tmp_path: Path) -> None:
    server = mock(flags=ENDLESS)
    with ap.Run(**options(server, tmp_path / "run", concurrency=4, request_count=100)) as run:
        server.wait_arrived(4)
        run.cancel()
    result = run.result()
    assert (result.status, result.exit_code) == ("cancelled", 130)
    assert result.failed == 4
    summary = json.loads((tmp_path / "run" / "profile_export_aiperf.json").read_text(encoding="utf-8"))
    assert summary["was_cancelled"] is True


def test_leaving_the_block_by_an_exception_cancels_the_run(mock: MockFactory, tmp_path: Path) -> None:
    server = mock(flags=ENDLESS)
    run = ap.Run(**options(server, tmp_path / "run", request_count=10))

    def fail_once_sent() -> None:
        with run:
            server.wait_arrived(1)
            raise LookupError

    with pytest.raises(LookupError):
        fail_once_sent()
    assert run.done
    assert run.result().status == "cancelled"


def test_a_wait_ends_at_its_timeout(mock: MockFactory, tmp_path: Path) -> None:
    server = mock(flags=ENDLESS)
    with ap.Run(**options(server, tmp_path / "run", request_count=1)) as run:
        assert run.wait(0) is False
        assert run.wait(0.05) is False
        assert not run.done
        run.cancel()
        assert run.wait(HANG_S) is True
        assert run.wait() is True


def test_starting_and_cancelling_twice_changes_nothing(mock: MockFactory, tmp_path: Path) -> None:
    run = ap.Run(**options(mock(flags=SHORT), tmp_path / "run", request_count=3))
    assert run.start() is run
    run.start()
    assert run.result().valid == 3
    run.cancel()
    run.cancel()
    assert run.result().status == "complete"


def test_a_run_that_was_never_started_has_no_result(mock: MockFactory, tmp_path: Path) -> None:
    run = ap.Run(**options(mock(flags=SHORT), tmp_path / "run", request_count=3))
    with pytest.raises(ap.RunError, match="never started"):
        run.result()
    with pytest.raises(ap.RunError, match="never started"):
        run.wait()
    assert not run.done


def test_a_run_cancelled_before_its_start_sends_nothing(mock: MockFactory, tmp_path: Path) -> None:
    server = mock(flags=SHORT)
    run = ap.Run(**options(server, tmp_path / "run", request_count=3))
    run.cancel()
    assert run.start().result().status == "cancelled"
    assert server.stop() == []


def test_a_run_dropped_while_it_lasts_ends(mock: MockFactory, tmp_path: Path) -> None:
    server = mock(flags=ENDLESS)
    run = ap.Run(**options(server, tmp_path / "run", request_count=1)).start()
    server.wait_arrived(1)
    del run
    wait_until(lambda: server.connections() == 0, HANG_S, "closed connections")


def test_the_interpreter_goes_on_during_a_run(mock: MockFactory, tmp_path: Path) -> None:
    server = mock(flags=ENDLESS)
    counted, stop = [0], threading.Event()

    def count() -> None:
        while not stop.is_set():
            counted[0] += 1

    def wait_for_counting_then_cancel(run: ap.Run) -> None:
        server.wait_arrived(1)
        before = counted[0]
        wait_until(lambda: counted[0] > before + 1000, HANG_S, "progress of a Python thread while another one waits")
        run.cancel()

    with ap.Run(**options(server, tmp_path / "run", request_count=1)) as run:
        threads = [threading.Thread(target=count), threading.Thread(target=wait_for_counting_then_cancel, args=[run])]
        for thread in threads:
            thread.start()
        result = run.result()
        stop.set()
        for thread in threads:
            thread.join(HANG_S)
    assert result.status == "cancelled"


def test_two_runs_go_side_by_side(mock: MockFactory, tmp_path: Path) -> None:
    first, second = mock(flags=ENDLESS), mock(flags=ENDLESS)
    with (
        ap.Run(**options(first, tmp_path / "a", concurrency=2, request_count=5)) as a,
        ap.Run(**options(second, tmp_path / "b", concurrency=3, request_count=5)) as b,
    ):
        first.wait_arrived(2)
        second.wait_arrived(3)
        assert not a.done
        a.cancel()
        assert a.result().failed == 2
        assert not b.done
        b.cancel()
        assert b.result().failed == 3


def test_a_running_event_loop_is_not_blocked(mock: MockFactory, tmp_path: Path) -> None:
    server = mock(flags=SHORT)
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    async def main() -> ap.Result:
        ticker = asyncio.create_task(tick())
        run = ap.Run(**options(server, tmp_path / "run", request_count=20)).start()
        result = await run.wait_async()
        ticker.cancel()
        return result

    assert asyncio.run(main()).valid == 20
    assert ticks > 10


def test_leaving_an_async_block_by_cancellation_cancels_the_run(mock: MockFactory, tmp_path: Path) -> None:
    server = mock(flags=ENDLESS)

    async def main() -> ap.Run:
        run = ap.Run(**options(server, tmp_path / "run", request_count=1))
        with pytest.raises(asyncio.TimeoutError):
            async with run:
                await asyncio.wait_for(run.wait_async(), 0.05)
        return run

    assert asyncio.run(main()).result().status == "cancelled"


SCRIPT = """
import sys
import aiperf_cpp as ap

address, directory, tokenizer, way = sys.argv[1:]
run = ap.Run(url=address, model="m", streaming=True, tokenizer=tokenizer, isl=12, concurrency=2, request_count=50,
             artifact_directory=directory)
try:
    with run:
        {"result": run.result, "wait": run.wait, "watch": lambda: list(run.watch(60))}[way]()
except KeyboardInterrupt:
    print("interrupted", run.done, run.result().status)
"""


@pytest.fixture
def interrupted(mock: MockFactory, tmp_path: Path) -> Callable[[str], tuple[str, int]]:
    """Runs a script that waits in some way, sends it SIGINT, gives what it printed and its exit code."""

    def start(way: str) -> tuple[str, int]:
        server = mock(flags=ENDLESS)
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, server.host, tmp_path / "run", TOKENIZER, way],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            server.wait_arrived(2)
            process.send_signal(signal.SIGINT)
            printed, _ = process.communicate(timeout=HANG_S)
        finally:
            process.kill()
            process.wait()
        return printed.strip(), process.returncode

    return start


@pytest.mark.parametrize("way", ["result", "wait", "watch"])
def test_ctrl_c_cancels_the_run_and_leaves_artifacts(
    way: str, interrupted: Callable[[str], tuple[str, int]], tmp_path: Path
) -> None:
    assert interrupted(way) == ("interrupted True cancelled", 0)
    summary = json.loads((tmp_path / "run" / "profile_export_aiperf.json").read_text(encoding="utf-8"))
    assert summary["was_cancelled"] is True


def test_a_target_that_is_down_fails_every_request(tmp_path: Path, mock: MockFactory) -> None:
    server = mock(flags=SHORT)
    server.stop()
    with ap.Run(**options(server, tmp_path / "run", request_count=2)) as run:
        result = run.result()
    assert result.exit_code == 1
    assert result.valid == 0


def test_recovering_from_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ap.RunError, match=str(tmp_path)):
        ap.recover(tmp_path)


def test_an_aborted_run_is_recovered_from_its_journal(mock: MockFactory, tmp_path: Path) -> None:
    server = mock(flags=ENDLESS)
    run = ap.Run(**options(server, tmp_path / "run", concurrency=2, request_count=5)).start()
    server.wait_arrived(2)
    run.abort()
    assert run.result().status == "incomplete"
    result = ap.recover(tmp_path / "run")
    assert result.status == "incomplete"
    assert result.failed == 2
    assert (tmp_path / "run" / "profile_export_aiperf.json").exists()


def test_profile_raises_for_a_run_that_was_not_finished(mock: MockFactory, tmp_path: Path) -> None:
    server = mock(flags=ENDLESS)
    run = options(server, tmp_path / "run", request_count=1)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "profile_export_aiperf.json").mkdir()  # cannot be replaced by a file
    server.stop()
    with pytest.raises(ap.RunError) as caught:
        ap.profile(**run)
    assert caught.value.result is not None
    assert caught.value.result.status == "incomplete"
