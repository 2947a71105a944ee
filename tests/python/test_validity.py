"""The verdict of a report: whether the client itself distorted the numbers, and each cause that can be made here."""

from __future__ import annotations

import contextlib
import json
import math
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiperf_cpp as ap
import pytest
from command_support import HANG_S, answer, chat_script, wait_until
from ending_support import both_backends, workers_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Command, MockFactory

#: What a noisy machine shows of itself is not what these tests are about.
CALM = "cpu_wait_share=:,loop_stall=:,read_lag_p99=:,late_read_share=:,cpu_steal_share=:,memory_pressure_share=:"


def validity_of(command: Command) -> dict[str, Any]:
    """What the JSON summary says of it."""
    value: dict[str, Any] = command.artifacts.summary()["validity"]
    return value


def reasons_of(command: Command) -> set[str]:
    """Names of the checks that are reasons."""
    return {reason["check"] for reason in validity_of(command)["reasons"]}


@both_backends
@pytest.mark.parametrize("workers", ["1", "3"])
def test_a_quiet_run_has_a_verdict_that_follows_from_its_evidence(
    workers: str, backend: str, command: Command, mock: MockFactory
) -> None:
    finished = command.profile(
        mock(chat_script()).url, "--request-count", "60", "--request-rate", "200", "--backend", backend,
        "--workers-max", workers,
    )  # fmt: skip
    assert finished.exit_code == 0, finished.stderr
    validity = validity_of(command)
    above: dict[str, set[str]] = {"suspect": set(), "invalid": set()}
    for name, entry in validity["evidence"].items():
        for level, names in above.items():
            threshold = entry[f"{level}_above"]
            if entry["value"] is not None and threshold is not None and entry["value"] > threshold:
                names.add(name)
    assert {reason["check"] for reason in validity["reasons"]} == above["suspect"] | above["invalid"]
    expected = "invalid" if above["invalid"] else "suspect" if above["suspect"] else "valid"
    assert validity["verdict"] == expected
    measured = {name for name, entry in validity["evidence"].items() if entry["value"] is not None}
    assert {
        "loop_busy_share", "cpu_wait_share", "loop_stall", "send_lateness_p99", "rate_deviation", "capped_share",
        "read_lag_p99", "late_read_share", "coalesced_share", "own_failure_share", "cpu_steal_share", "clock_step",
    } <= measured  # fmt: skip
    assert validity["evidence"]["own_failure_share"]["value"] == 0
    assert f"Validity: {expected}" in finished.stdout
    for reason in validity["reasons"]:
        assert reason["check"] in finished.stdout


def test_a_threshold_that_is_passed_fails_the_run_where_fail_on_says_so(command: Command, mock: MockFactory) -> None:
    url = mock(chat_script()).url
    flags = ["--request-count", "5"]
    busy = {"AIPERF_VALIDITY_THRESHOLDS": f"{CALM},loop_busy_share=0:"}
    assert command.profile(url, *flags, env=busy).exit_code == 0
    assert reasons_of(command) == {"loop_busy_share"}
    assert command.profile(url, *flags, "--fail-on", "invalid", env=busy).exit_code == 0
    assert command.profile(url, *flags, "--fail-on", "suspect", env=busy).exit_code == 3
    worse = {"AIPERF_VALIDITY_THRESHOLDS": f"{CALM},loop_busy_share=0:0"}
    finished = command.profile(url, *flags, "--fail-on", "invalid", env=worse)
    assert finished.exit_code == 3
    assert validity_of(command)["verdict"] == "invalid"
    assert "Validity: invalid" in finished.stdout


def test_a_bad_threshold_and_a_bad_verdict_are_refused_before_anything_starts(
    command: Command, mock: MockFactory
) -> None:
    url = mock(chat_script()).url
    finished = command.profile(url, "--request-count", "1", env={"AIPERF_VALIDITY_THRESHOLDS": "busy=1:2"})
    assert finished.exit_code == 2
    assert "AIPERF_VALIDITY_THRESHOLDS" in finished.stderr
    assert "loop_busy_share" in finished.stderr
    finished = command.profile(url, "--request-count", "1", "--fail-on", "bad")
    assert finished.exit_code == 2
    assert "none, suspect, invalid" in finished.stderr
    assert not command.artifacts.directory.exists()


# ---- coordinated omission


class OneAtATime(BaseHTTPRequestHandler):
    """Serves one request at a time, each in `service_s`."""

    service_s = 0.04
    turn = threading.Lock()
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        with self.turn:
            time.sleep(self.service_s)
        body = json.dumps(
            {"id": "c", "object": "chat.completion", "created": 1, "model": "m",
             "choices": [{"index": 0, "message": {"role": "assistant", "content": "Yes."}, "finish_reason": "stop"}]}
        ).encode()  # fmt: skip
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class SlowlyOneAtATime(OneAtATime):
    service_s = 0.5
    turn = threading.Lock()


@contextlib.contextmanager
def serving(handler: type[OneAtATime]) -> Iterator[str]:
    """Address of such a server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def one_at_a_time() -> Iterator[str]:
    with serving(OneAtATime) as url:
        yield url


@pytest.mark.parametrize("cap", [None, 1])
def test_latency_from_the_plan_stands_beside_latency_from_the_send(
    cap: int | None, command: Command, one_at_a_time: str
) -> None:
    """Four times as many are asked for as the server can serve: with a cap only the plan knows how long one waits."""
    both_latencies_are_told(command, one_at_a_time, cap=cap, rate=100, count=25, service_s=OneAtATime.service_s)


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("cap", [None, 1])
def test_half_a_second_a_request_at_ten_a_second_for_twenty_seconds(cap: int | None, command: Command) -> None:
    """The same at the size at which coordinated omission is usually told: five times what the server can serve."""
    with serving(SlowlyOneAtATime) as url:
        both_latencies_are_told(command, url, cap=cap, rate=10, count=200, service_s=SlowlyOneAtATime.service_s)


def both_latencies_are_told(
    command: Command, url: str, *, cap: int | None, rate: int, count: int, service_s: float
) -> None:
    arguments = command.profile_args(
        url, "--request-count", str(count), "--request-rate", str(rate), "--arrival-pattern", "constant"
    )
    arguments.remove("--streaming")
    capped = ["--concurrency", str(cap)] if cap else []
    finished = command.start(*arguments, *capped).wait(HANG_S + count * service_s)
    assert finished.exit_code == 0, finished.stderr
    rows = sorted(command.artifacts.records(), key=lambda row: row["metadata"]["session_num"])
    assert len(rows) == count
    from_plan, from_send, lateness = (
        [row["metrics"][tag]["value"] for row in rows]
        for tag in ("request_latency_from_plan", "request_latency", "send_lateness")
    )
    for planned, sent, late in zip(from_plan, from_send, lateness, strict=True):
        assert planned == pytest.approx(sent + late, abs=1e-5)
    # Request k is planned at k / rate, and the server has served k before it: by hand, in ms.
    service = service_s * 1e3
    by_hand = [(k + 1) * service - k * 1e3 / rate for k in range(count)]
    for k in range(count if cap else 0):
        assert from_plan[k] >= by_hand[k] - 0.5
    assert sum(from_plan) >= sum(by_hand) - 0.5 * count  # uncapped, they overtake each other at the server's lock
    assert min(from_send) >= service - 0.5
    summary = command.artifacts.summary()
    assert summary["request_latency_from_plan"]["avg"] == pytest.approx(sum(from_plan) / count)
    assert "Request Latency from Plan" in finished.stdout
    assert "Send Lateness" in finished.stdout
    evidence = summary["validity"]["evidence"]
    if cap:
        assert evidence["capped_share"]["value"] == pytest.approx((count - 1) / count)
        assert {"capped_share", "rate_deviation"} <= reasons_of(command)
        # AIPerf's latency is that of an idle server, the plan's is the queue's.
        assert max(from_plan) > 10 * min(from_send)
    else:
        assert evidence["capped_share"]["value"] == 0
        assert "capped_share" not in reasons_of(command)


def test_a_closed_loop_has_no_plan_to_be_late_against(command: Command, mock: MockFactory) -> None:
    finished = command.profile(mock(chat_script()).url, "--request-count", "5", "--concurrency", "2")
    summary = command.artifacts.summary()
    assert not {"request_latency_from_plan", "send_lateness"} & summary.keys()
    assert "Against the Schedule" not in finished.stdout
    assert summary["validity"]["evidence"]["send_lateness_p99"]["value"] is None


# ---- each cause gives its reason


def sent_so_far(command: Command) -> int:
    """Records of the journal in the state "sent" or beyond (docs/records.md)."""
    path = command.artifacts.directory / "journal" / "records"
    records = path.read_bytes()[4096:] if path.exists() else b""
    return sum(records[at] >= 2 for at in range(0, len(records), 192))


def test_a_worker_that_was_stopped_flags_its_records_and_the_verdict_says_so(
    command: Command, mock: MockFactory
) -> None:
    long = answer([" token"] * 150, gap_ms=10)
    running = command.start_profile(mock(chat_script(long)).url, "--request-count", "8", "--concurrency", "8")
    wait_until(lambda: len(workers_of(running)) == 1, 30, "the worker")
    worker = workers_of(running)[0]
    wait_until(lambda: sent_so_far(command) == 8, 30, "the requests")
    time.sleep(0.2)  # into the streams, which take 1.5 s
    os.kill(worker.pid, signal.SIGSTOP)
    time.sleep(0.2)
    os.kill(worker.pid, signal.SIGCONT)
    finished = running.wait()
    assert finished.exit_code == 0, finished.stderr
    assert "late_read_share" in reasons_of(command)
    assert validity_of(command)["verdict"] != "valid"
    result = ap.load(command.artifacts.directory)
    late = result.records[(result.records["flags"] & 2048) != 0]
    assert len(late) == 8
    # The kernel's stamps say by how much: the first token after the stop had lain there for most of it.
    assert max(row["metrics"]["read_lag"]["value"] for row in command.artifacts.records()) >= 150
    assert result.validity is not None
    assert result.validity.verdict == validity_of(command)["verdict"]


def test_a_hog_on_the_workers_core_is_seen(command: Command, mock: MockFactory) -> None:
    core = min(os.sched_getaffinity(0))
    hog = subprocess.Popen([sys.executable, "-c", f"import os; os.sched_setaffinity(0, {{{core}}})\nwhile True: pass"])
    try:
        finished = command.profile(
            mock(chat_script(answer([" token"] * 20, gap_ms=1))).url,
            "--benchmark-duration", "2", "--concurrency", "32",
            preexec=lambda: os.sched_setaffinity(0, {core}),
        )  # fmt: skip
    finally:
        hog.kill()
        hog.wait()
    assert finished.exit_code == 0, finished.stderr
    assert "cpu_wait_share" in reasons_of(command)


def test_too_few_descriptors_are_the_clients_own_failures(command: Command, mock: MockFactory) -> None:
    slow = answer(first_ms=300)
    running = command.start_profile(
        mock(chat_script(slow)).url, "--request-count", "40", "--request-rate", "40", "--arrival-pattern", "constant",
        "--connection-reuse-strategy", "never",
    )  # fmt: skip
    wait_until(lambda: len(workers_of(running)) == 1, 30, "the worker")
    worker = workers_of(running)[0]
    wait_until((command.artifacts.directory / "journal" / "events.0").exists, 30, "the journal")
    open_now = max(int(path.name) for path in Path(f"/proc/{worker.pid}/fd").iterdir())
    resource.prlimit(worker.pid, resource.RLIMIT_NOFILE, (open_now + 3, open_now + 3))
    running.wait()
    validity = validity_of(command)
    assert validity["verdict"] == "invalid"
    assert validity["evidence"]["own_failure_share"]["value"] > 0.01
    assert "own_failure_share" in reasons_of(command)


def test_a_server_that_closes_is_not_the_clients_failure(command: Command, mock: MockFactory) -> None:
    del mock
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stop = threading.Event()

        def close_each() -> None:
            listener.settimeout(0.1)
            while not stop.is_set():
                with contextlib.suppress(TimeoutError):
                    listener.accept()[0].close()

        thread = threading.Thread(target=close_each)
        thread.start()
        try:
            command.profile(f"http://127.0.0.1:{listener.getsockname()[1]}", "--request-count", "10")
        finally:
            stop.set()
            thread.join()
    assert validity_of(command)["evidence"]["own_failure_share"]["value"] == 0


def test_exhausted_ports_are_the_clients_own_failures(command: Command, program: Path) -> None:
    """In a network namespace of its own with eight local ports, connections that are not kept use them up."""
    inner = (
        "ip link set lo up && echo '60000 60007' > /proc/sys/net/ipv4/ip_local_port_range && "
        f'{program} mock --port 8123 & M=$!; sleep 1; "$@"; E=$?; kill $M; wait $M; exit $E'
    )
    if subprocess.run(["unshare", "--net", "ip", "link", "show"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no network namespaces, or no ip, here")
    arguments = command.profile_args(
        "http://127.0.0.1:8123",
        "--request-count",
        "60",
        "--request-rate",
        "200",
        "--connection-reuse-strategy",
        "never",
    )
    finished = subprocess.run(
        ["unshare", "--net", "sh", "-c", inner, "sh", str(program), *arguments],
        capture_output=True, text=True, timeout=60, check=False, cwd=command.workdir,
    )  # fmt: skip
    if "local ports" in finished.stderr and finished.returncode == 2:
        return  # preflight has said so before the run, which is better
    assert "own_failure_share" in reasons_of(command), finished.stderr


def test_a_cpu_quota_is_seen(command: Command, mock: MockFactory) -> None:
    group = Path("/sys/fs/cgroup/cpu") / f"aiperf-test-{os.getpid()}"
    try:
        group.mkdir()
        (group / "cpu.cfs_period_us").write_text("100000")
        (group / "cpu.cfs_quota_us").write_text("10000")
    except OSError as error:
        pytest.skip(f"no control group of version 1 can be made here: {error}")
    try:
        finished = command.profile(
            mock(chat_script(answer([" token"] * 20, gap_ms=0))).url, "--benchmark-duration", "2", "--concurrency", "8",
            preexec=lambda: (group / "cgroup.procs").write_text(str(os.getpid())) and None,
        )  # fmt: skip
        assert finished.exit_code == 0, finished.stderr
        assert "cpu_throttled_share" in reasons_of(command)
    finally:
        with contextlib.suppress(OSError):
            group.rmdir()


def test_planned_requests_that_were_never_sent_are_counted(command: Command, one_at_a_time: str) -> None:
    arguments = command.profile_args(
        one_at_a_time, "--benchmark-duration", "1", "--request-rate", "100", "--arrival-pattern", "constant",
        "--concurrency", "1", "--benchmark-grace-period", "0",
    )  # fmt: skip
    arguments.remove("--streaming")
    assert command.run(*arguments).exit_code == 0
    # 99 or 100 come due in the second, and at most 26 can be served.
    assert validity_of(command)["evidence"]["unsent_share"]["value"] >= 0.7
    assert "unsent_share" in reasons_of(command)


# ---- percentiles


def test_percentiles_have_intervals_and_those_of_too_few_values_are_marked(command: Command, mock: MockFactory) -> None:
    assert command.profile(mock(chat_script()).url, "--request-count", "50", "--concurrency", "5").exit_code == 0
    latency = command.artifacts.summary()["request_latency"]
    assert latency["intervals"]["p50"][0] <= latency["p50"] <= latency["intervals"]["p50"][1]
    assert latency["intervals"]["p90"][1] is not None  # from 44 values on
    assert latency["intervals"]["p99"][1] is None  # from 459 on
    assert {"p95", "p99"} <= set(latency["too_few_samples_for"])
    assert not {"p50", "p90"} & set(latency["too_few_samples_for"])
    metric = ap.load(command.artifacts.directory)["request_latency"]
    assert metric.intervals is not None
    assert metric.intervals["p90"] == tuple(latency["intervals"]["p90"])
    assert math.isfinite(metric.intervals["p50"][0] or math.nan)
    assert hash(metric)
