"""Many streams and many prompts at a time: nothing is lost, whoever works, and however a run ends."""

from __future__ import annotations

import itertools
import json
import signal
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from command_support import Mock, Running
    from conftest import Command, MockFactory

BACKENDS = ["thread", "process"]
STREAMS = 1000
PROMPTS = 100_000  # of so many tokens: minutes of work
SLOW = ("--ttft-ms", "20", "--itl-ms", "1000", "--output-tokens", "600", "--ignore-max-tokens")


def received(server: Mock) -> dict[str, dict[str, Any]]:
    """Ends a server. The requests that it has received, by their ids, each of which came once."""
    rows = server.stop()
    by_id = {row["x_request_id"]: row for row in rows}
    assert len(by_id) == len(rows)
    return by_id


def sessions_in_inputs(command: Command) -> list[str]:
    """The conversations of inputs.json, in order."""
    inputs = json.loads((command.artifacts.directory / "inputs.json").read_text(encoding="utf-8"))
    return [session["session_id"] for session in inputs["data"]]


def start_long(command: Command, url: str, *args: str, isl: int = 1000) -> Running:
    """Starts a run with longer prompts."""
    flags = command.profile_args(url, *args)
    flags[flags.index("--isl") + 1] = str(isl)
    return command.start(*flags)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_thousand_streams_at_a_time_lose_nothing(command: Command, mock: MockFactory, backend: str) -> None:
    server = mock(flags=("--ttft-ms", "500", "--itl-ms", "50", "--output-tokens", "10", "--ignore-max-tokens"))
    count = 2 * STREAMS
    load = ["--concurrency", str(STREAMS), "--request-count", str(count), "--backend", backend, "--workers-max", "2"]
    done = command.profile(server.url, *load, "--request-timeout-seconds", "200", "--use-server-token-count")
    assert done.exit_code == 0, done.stderr
    rows = command.artifacts.records()
    assert [row for row in rows if "error" in row] == []
    assert sorted(row["metadata"]["x_request_id"] for row in rows) == sorted(received(server))
    assert len(rows) == command.artifacts.value("request_count") == count
    assert command.artifacts.value("usage_completion_tokens") == 10
    changes = sorted(
        change
        for row in rows
        for change in ((row["metadata"]["request_start_ns"], 1), (row["metadata"]["request_end_ns"], -1))
    )
    assert max(itertools.accumulate(change for _, change in changes)) <= STREAMS


@pytest.mark.timeout(300)
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_cancel_amid_a_thousand_streams_records_each(command: Command, mock: MockFactory, backend: str) -> None:
    server = mock(flags=SLOW)
    running = command.start_profile(
        server.url, "--concurrency", str(STREAMS), "--request-count", str(3 * STREAMS), "--backend", backend
    )
    server.wait_arrived(STREAMS, 120)
    running.signal(signal.SIGINT)
    done = running.wait()
    assert done.exit_code == 130, done.stderr
    rows = command.artifacts.records()
    assert sorted(row["metadata"]["x_request_id"] for row in rows) == sorted(received(server))
    assert len(rows) == STREAMS
    assert all(row["metadata"]["was_cancelled"] for row in rows)
    assert command.artifacts.summary()["was_cancelled"] is True
    command.artifacts.check_valid()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("backend", BACKENDS)
def test_requests_leave_before_all_prompts_are_made_and_a_cancel_keeps_those_that_are(
    command: Command, mock: MockFactory, backend: str
) -> None:
    server = mock(flags=SLOW)
    load = ["--num-dataset-entries", str(PROMPTS), "--concurrency", "3", "--backend", backend]
    running = start_long(command, server.url, *load)
    server.wait_arrived(3)
    running.signal(signal.SIGINT)
    done = running.wait()
    assert done.exit_code == 130, done.stderr
    assert len(command.artifacts.records()) == 3
    sessions = sessions_in_inputs(command)
    assert 3 <= len(sessions) < PROMPTS
    assert sessions == [f"session_{number:06}" for number in range(len(sessions))]
    command.artifacts.check_valid()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_run_that_is_killed_while_prompts_are_made_is_recovered(
    command: Command, mock: MockFactory, backend: str
) -> None:
    server = mock(flags=("--ttft-ms", "1", "--output-tokens", "2", "--ignore-max-tokens"))
    load = ["--num-dataset-entries", str(PROMPTS), "--request-count", str(PROMPTS), "--concurrency", "2"]
    running = start_long(command, server.url, *load, "--backend", backend)
    server.wait_over(20)
    running.signal(signal.SIGKILL)
    running.wait()
    recovered = command.run("recover", str(command.artifacts.directory))
    assert recovered.exit_code == 0, recovered.stderr
    good = [row for row in command.artifacts.records() if "error" not in row]
    assert len(good) >= 20 - 2  # the last two may not have been read
    assert {row["metadata"]["conversation_id"] for row in good} <= {f"session_{i:06}" for i in range(PROMPTS)}


@pytest.mark.timeout(300)
def test_prompts_are_the_same_however_many_threads_make_them(command: Command, mock: MockFactory) -> None:
    sent: list[list[Any]] = []
    inputs: list[Any] = []
    for workers in ("1", "4"):
        server = mock(flags=("--output-tokens", "2", "--ignore-max-tokens"))
        load = ["--num-dataset-entries", "700", "--request-count", "700", "--concurrency", "8", "--isl-stddev", "50"]
        done = start_long(command, server.url, *load, "--workers-max", workers, isl=300).wait()
        assert done.exit_code == 0, done.stderr
        sent.append(sorted(row["body"]["messages"][0]["content"] for row in server.stop()))
        inputs.append(json.loads((command.artifacts.directory / "inputs.json").read_text(encoding="utf-8")))
    assert sent[0] == sent[1]
    assert inputs[0] == inputs[1]
    assert len(inputs[0]["data"]) == len(set(sent[0])) == 700
