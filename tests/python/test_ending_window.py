"""The window after a run's end: what a poller gets to see, with real sockets, for either backend."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from command_support import Artifacts, Finished, Mock, answer, chat_script
from conftest import Command
from ending_support import (
    BACKENDS,
    GRACE,
    UNHURRIED,
    Poller,
    both_backends,
    exchange,
    get,
    post,
    start,
    start_long,
    status_file,
    wait_ended,
    wait_served,
    words,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import MockFactory

REQUESTS = 60


@dataclasses.dataclass
class Ended:
    """A run with a grace of 5 s, seen from launch to the end of its process."""

    poller: Poller
    finished: Finished
    artifacts: Artifacts

    def on_disk(self, name: str) -> bytes:
        return (self.artifacts.directory / name).read_bytes()


@pytest.fixture(scope="module", params=BACKENDS)
def ended(request: pytest.FixtureRequest, program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ended]:
    """One such run for each backend. A stop may take 1 s: less than the grace, which it must not cut."""
    place = tmp_path_factory.mktemp("ended")
    server = Mock(program, place / "mock", chat_script(answer(first_ms=20)))
    command = Command(program, place / "work")
    try:
        flags = ["--request-count", str(REQUESTS), "--concurrency", "3", "--workers-max", "3"]
        env = {"AIPERF_SERVICE_TASK_CANCEL_TIMEOUT_SHORT": "1"}
        running, poller = start(command, server.url, "5", *flags, "--backend", request.param, env=env)
        poller.result()
        yield Ended(poller, running.wait(), command.artifacts)
    finally:
        command.stop()
        server.stop()


def test_a_poller_sees_running_then_complete_for_the_grace_then_refused(ended: Ended) -> None:
    assert ended.finished.exit_code == 0, ended.finished.stderr
    assert words(ended.poller.polls) == ["running", "complete", "refused"]
    assert len(ended.poller.seen("complete")) >= 31
    assert ended.poller.shown_s("complete") >= 4.8


def test_the_grace_is_counted_once(ended: Ended) -> None:
    assert ended.poller.polls[-1].at - ended.poller.seen("complete")[0].at < 9.5


def test_every_file_is_there_at_the_first_complete_and_does_not_change_any_more(ended: Ended) -> None:
    assert {"profile_export_aiperf.json", "profile_export_aiperf.csv", "profile_export.jsonl"} <= set(
        ended.poller.files
    )
    assert {name: len(content) for name, content in ended.poller.files.items()} == ended.poller.listed
    for name, content in ended.poller.files.items():
        assert content == ended.on_disk(name), name
    visible = [path for path in ended.artifacts.directory.iterdir() if path.is_file() and path.name[0] != "."]
    assert {path.name for path in visible} == set(ended.poller.files)
    told = ended.poller.list
    assert (told["ready"], told["processing"], told["partial"], told["failed_exporters"]) == (True, False, False, [])


def test_files_status_and_requests_agree(ended: Ended) -> None:
    body = ended.poller.seen("complete")[0].body
    assert json.loads(ended.poller.files["profile_export_aiperf.json"])["request_count"]["avg"] == REQUESTS
    assert body["results"]["results"]["successful_request_count"] == REQUESTS
    assert body["run_id"] == ended.artifacts.summary()["benchmark_id"]
    assert (body["error"], body["exit_code"]) == (None, 0)
    assert len(ended.poller.files["profile_export.jsonl"].splitlines()) == REQUESTS
    rows = list(csv.reader(io.StringIO(ended.poller.files["profile_export_aiperf.csv"].decode())))
    assert rows[0][0] == "Metric"


def test_every_answer_of_the_window_is_the_same(ended: Ended) -> None:
    complete = ended.poller.seen("complete")
    assert [poll.body for poll in complete] == [complete[0].body] * len(complete)


def test_who_comes_after_the_end_finds_the_last_answer_in_status_json(ended: Ended) -> None:
    assert status_file(ended.artifacts.directory) == ended.poller.seen("complete")[-1].body
    with pytest.raises(OSError, match="refused"):
        get(ended.poller.url + "/api/results")


@both_backends
def test_grace_0_does_not_hold(backend: str, command: Command, mock: MockFactory) -> None:
    server = mock(chat_script(UNHURRIED))
    running, poller = start(command, server.url, "0", "--request-count", "5", "--backend", backend)
    poller.result()
    assert running.wait().exit_code == 0
    ended_at = time.time()
    assert len(poller.seen("complete")) <= 3
    assert status_file(command.artifacts.directory)["status"] == "complete"
    assert ended_at - (command.artifacts.directory / "profile_export_aiperf.json").stat().st_mtime < 4


@both_backends
def test_a_grace_shorter_than_half_a_second_is_held_too(backend: str, command: Command, mock: MockFactory) -> None:
    server = mock(chat_script(UNHURRIED))
    running, poller = start(command, server.url, "0.2", "--request-count", "5", "--backend", backend)
    poller.result()
    assert running.wait().exit_code == 0
    assert 1 <= len(poller.seen("complete")) <= 6


@both_backends
def test_without_a_server_nothing_is_waited_for(backend: str, command: Command, mock: MockFactory) -> None:
    server = mock(chat_script())
    finished = command.profile(server.url, "--request-count", "5", "--backend", backend, env={GRACE: "300"})
    ended_at = time.time()
    assert finished.exit_code == 0
    assert ended_at - (command.artifacts.directory / "profile_export_aiperf.json").stat().st_mtime < 10
    assert not (command.artifacts.directory / "api.json").exists()
    assert status_file(command.artifacts.directory)["status"] == "complete"


@both_backends
def test_a_run_of_one_request_is_seen_complete_for_the_grace(backend: str, command: Command, mock: MockFactory) -> None:
    server = mock(chat_script(answer(["a"], first_ms=0, gap_ms=0)))
    running, poller = start(command, server.url, "1", "--request-count", "1", "--backend", backend)
    poller.result()
    assert running.wait().exit_code == 0
    assert poller.shown_s("complete") >= 0.7
    assert poller.files


@both_backends
def test_a_run_whose_requests_all_failed_is_complete_with_its_files_and_exit_code_1(
    backend: str, command: Command, mock: MockFactory
) -> None:
    server = mock(chat_script({"status": 500, "json": {"error": "no"}}))
    running, poller = start(command, server.url, "1", "--request-count", "7", "--backend", backend)
    poller.result()
    assert running.wait().exit_code == 1
    assert words(poller.polls)[-2:] == ["complete", "refused"]
    body = poller.seen("complete")[0].body
    assert body["exit_code"] == 1
    assert "all 7 requests failed" in body["error"]["message"]
    assert (body["results"]["results"]["error_request_count"]) == 7
    assert {"profile_export_aiperf.json", "profile_export_aiperf.csv", "profile_export.jsonl"} <= set(poller.files)


@both_backends
def test_a_shutdown_is_refused_while_the_run_lasts_and_ends_the_hold_soon_after_its_answer(
    backend: str, command: Command, mock: MockFactory
) -> None:
    server = mock(chat_script(answer(first_ms=400)))
    running, poller = start(command, server.url, "60", "--request-count", "3", "--backend", backend)
    wait_served(running, poller)
    assert post(poller.url + "/api/shutdown")[0] == 409
    wait_ended(running, poller)
    asked_at = time.monotonic()
    code, body = post(poller.url + "/api/shutdown")
    assert (code, json.loads(body)) == (200, {"status": "shutting_down"})
    poller.result()
    finished = running.wait()
    assert finished.exit_code == 0
    assert "cancelled" not in words(poller.polls)
    answered = [poll for poll in poller.seen("complete") if poll.at > asked_at]
    assert answered
    assert answered[-1].at - asked_at >= 0.3  # AIPERF_API_SERVER_SHUTDOWN_RESPONSE_DELAY_SECONDS is 0.5


@both_backends
def test_a_long_poll_opened_early_is_answered_by_the_end(backend: str, command: Command, mock: MockFactory) -> None:
    server = mock(chat_script(UNHURRIED))
    running, poller = start(command, server.url, "0.4", "--request-count", "5", "--backend", backend)
    wait_served(running, poller)
    code, body = get(poller.url + "/api/results?wait=60")
    assert (code, json.loads(body)["status"]) == (200, "complete")
    assert get(poller.url + "/api/results/list")[0] == 200
    poller.result()
    assert running.wait().exit_code == 0


@both_backends
def test_an_upgrade_to_a_websocket_is_answered_and_does_not_keep_the_run(
    backend: str, command: Command, mock: MockFactory
) -> None:
    running, poller = start(command, mock(chat_script()).url, "1", "--request-count", "5", "--backend", backend)
    wait_ended(running, poller)
    lines = ["GET /ws HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: Upgrade", "", ""]
    head = exchange(poller.url, "\r\n".join(lines).encode())
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"connection: close" in head.lower()
    poller.result()
    assert running.wait().exit_code == 0


#: Turns the wall clock one hour on once a file is there, an hour back once another is.
STEPPED_CLOCK = r"""
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long step(void) {
    const char* forward = getenv("STEP_FORWARD");
    const char* back = getenv("STEP_BACK");
    if (forward != NULL && access(forward, F_OK) == 0) return 3600;
    return back != NULL && access(back, F_OK) == 0 ? -3600 : 0;
}

int clock_gettime(clockid_t clock, struct timespec* out) {
    const int done = (int)syscall(SYS_clock_gettime, clock, out);
    if (done == 0 && clock == CLOCK_REALTIME) out->tv_sec += step();
    return done;
}
"""


@pytest.mark.parametrize(("direction", "backend"), [("STEP_FORWARD", "thread"), ("STEP_BACK", "process")])
def test_a_step_of_the_wall_clock_in_the_hold_does_not_change_its_length(
    direction: str, backend: str, command: Command, mock: MockFactory, tmp_path: Path
) -> None:
    source, library, sign = tmp_path / "step.c", tmp_path / "step.so", tmp_path / "now"
    source.write_text(STEPPED_CLOCK, encoding="utf-8")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    env = {"LD_PRELOAD": str(library), direction: str(sign)}
    flags = ["--request-count", "5", "--backend", backend]
    running, poller = start(command, mock(chat_script()).url, "1", *flags, env=env)
    wait_ended(running, poller)
    sign.touch()
    poller.result()
    assert running.wait().exit_code == 0
    assert 0.7 <= poller.shown_s("complete") < 30


@both_backends
def test_while_the_run_lasts_no_file_can_be_had(backend: str, command: Command, mock: MockFactory) -> None:
    running, poller, _ = start_long(command, mock, "0", "--backend", backend)
    assert json.loads(get(poller.url + "/api/results/list")[1])["files"] == []
    assert get(poller.url + "/api/results/files/profile_export_aiperf.json")[0] == 404
    assert words(poller.polls) == ["running"]
    running.stop()
