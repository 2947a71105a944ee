"""Real child processes that are killed, stopped or deaf, and a controller that is killed: what the run makes of it."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from aiperf_parity.programs import clean_environment
from command_support import HANG_S, Artifacts, answer, chat_script, wait_until
from ending_support import (
    GRACE,
    SHUTDOWN_TIMEOUT,
    UNHURRIED,
    address_of,
    can_bind,
    children_of,
    free_port,
    get,
    group_of,
    results_server_of,
    session_of,
    start,
    start_long,
    status_file,
    wait_ended,
    wait_gone,
    words,
    workers_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from conftest import Command, MockFactory

PROCESSES = ["--backend", "process"]
DIED = "worker died (signal 9)"
STOP_SHORT = "AIPERF_SERVICE_TASK_CANCEL_TIMEOUT_SHORT"


def warnings_of(text: str, *words_of_it: str) -> list[str]:
    """Lines on stderr that have all these words."""
    return [line for line in text.splitlines() if all(word in line for word in words_of_it)]


# ---- the processes there are


@pytest.mark.parametrize("workers", [1, 3])
def test_a_run_has_its_workers_and_its_results_server_as_children_in_groups_of_their_own(
    workers: int, command: Command, mock: MockFactory
) -> None:
    running, _, _ = start_long(command, mock, "0", "--workers-max", str(workers), *PROCESSES)
    found = workers_of(running)
    server = results_server_of(running)
    assert len(found) == workers
    assert sorted(child.pid for child in children_of(running.process.pid)) == sorted(
        [server.pid, *(worker.pid for worker in found)]
    )
    for child in (server, *found):
        assert os.getpgid(child.pid) == child.pid
    running.signal(signal.SIGINT)
    assert running.wait().exit_code == 130
    wait_gone([server, *found])


def test_the_results_server_goes_on_when_somebody_signals_it(command: Command, mock: MockFactory) -> None:
    """As a terminal or a service manager might that signals every process there is."""
    running, poller, _ = start_long(command, mock, "1", "--benchmark-duration", "1", *PROCESSES)
    server = results_server_of(running)
    for number in (signal.SIGINT, signal.SIGTERM):
        server.signal(number)
        assert get(poller.url + "/healthz")[0] == 200
    poller.result()
    assert running.wait().exit_code == 0
    assert words(poller.polls) == ["running", "complete", "refused"]
    assert poller.shown_s("complete") >= 0.4


# ---- a worker is killed


def check_dead_worker(command: Command, requests: int) -> list[str]:
    """Ids of good answers; every request that is in the records is good or died, and at most two died."""
    rows = command.artifacts.records()
    errors = [row["error"]["message"] for row in rows if "error" in row]
    assert 1 <= len([text for text in errors if text == DIED]) <= 2, errors
    assert len(rows) <= requests
    command.artifacts.check_valid()
    return sorted(command.artifacts.good_ids())


def test_a_killed_worker_leaves_errors_for_what_it_had_in_flight_and_the_others_finish(
    command: Command, mock: MockFactory
) -> None:
    server = mock(chat_script(answer(first_ms=200)))
    flags = ["--request-count", "40", "--concurrency", "6", "--workers-max", "3", "--on-worker-death", "continue"]
    running, poller = start(command, server.url, "0.7", *flags, *PROCESSES)
    wait_until(lambda: server.over() >= 12, HANG_S, "12 answers")
    workers_of(running)[1].signal(signal.SIGKILL)
    poller.result()
    finished = running.wait()
    assert finished.exit_code == 0, finished.stderr
    assert words(poller.polls) == ["running", "complete", "refused"]
    good = check_dead_worker(command, 40)
    assert len(command.artifacts.records()) == 40
    results = poller.seen("complete")[0].body["results"]["results"]
    assert (results["successful_request_count"], results["error_request_count"]) == (len(good), 40 - len(good))
    assert warnings_of(finished.stderr, "worker_", "signal 9")
    answered = {request["x_request_id"] for request in server.stop() if request.get("client_closed_ms") is None}
    assert set(good) <= answered


@pytest.mark.parametrize("workers", ["1", "3"])
def test_a_killed_worker_ends_the_run_where_nothing_else_is_asked_for(
    workers: str, command: Command, mock: MockFactory
) -> None:
    server = mock(chat_script(answer(first_ms=200)))
    flags = ["--request-count", "100000", "--concurrency", workers, "--workers-max", workers]
    running, poller = start(command, server.url, "0.7", *flags, *PROCESSES)
    wait_until(lambda: server.over() >= 6, HANG_S, "6 answers")
    workers_of(running)[-1].signal(signal.SIGKILL)
    killed_at = time.monotonic()
    poller.result()
    finished = running.wait()
    assert finished.exit_code == 1, finished.stderr
    assert words(poller.polls) == ["running", "incomplete", "refused"]
    first = poller.seen("incomplete")[0]
    assert first.at - killed_at < 10
    message = first.body["error"]["message"]
    assert "worker_" in message
    assert "was killed by signal 9 (SIGKILL)" in message
    assert len(check_dead_worker(command, 100000)) >= 6
    assert status_file(command.artifacts.directory)["exit_code"] == 1
    assert poller.shown_s("incomplete") >= 0.4


# ---- the results server is killed, stopped, or never there


def test_a_killed_results_server_leaves_the_run_alone_and_nothing_is_held(command: Command, mock: MockFactory) -> None:
    server = mock(chat_script(UNHURRIED))
    flags = ["--request-count", "40", "--concurrency", "4", "--api-port", "0", *PROCESSES]
    running = command.start_profile(server.url, *flags, env={GRACE: "300"})
    wait_until(lambda: server.over() >= 8, HANG_S, "8 answers")
    results_server_of(running).signal(signal.SIGKILL)
    finished = running.wait()
    ended_at = time.time()
    assert finished.exit_code == 0, finished.stderr
    assert command.artifacts.value("request_count") == 40
    assert len(warnings_of(finished.stderr, "signal 9")) == 1, finished.stderr
    assert ended_at - (command.artifacts.directory / "profile_export_aiperf.json").stat().st_mtime < 20
    assert status_file(command.artifacts.directory)["status"] == "complete"


def test_a_results_server_killed_in_the_hold_ends_it(command: Command, mock: MockFactory) -> None:
    running, poller = start(command, mock(chat_script()).url, "300", "--request-count", "5", *PROCESSES)
    wait_ended(running, poller)
    results_server_of(running).signal(signal.SIGKILL)
    assert running.wait().exit_code == 0
    assert status_file(command.artifacts.directory)["status"] == "complete"
    poller.join(HANG_S)


def test_a_stopped_results_server_is_given_up_and_killed_by_its_deadline(command: Command, mock: MockFactory) -> None:
    server = mock(chat_script(UNHURRIED))
    flags = ["--request-count", "40", "--concurrency", "4", "--api-port", "0", *PROCESSES]
    env = {GRACE: "1", SHUTDOWN_TIMEOUT: "1", STOP_SHORT: "1"}
    running = command.start_profile(server.url, *flags, env=env)
    wait_until(lambda: server.over() >= 8, HANG_S, "8 answers")
    child = results_server_of(running)
    child.signal(signal.SIGSTOP)
    finished = running.wait()
    assert finished.exit_code == 0, finished.stderr
    assert command.artifacts.value("request_count") == 40
    assert warnings_of(finished.stderr.lower(), "results") != []
    wait_gone([child])
    assert status_file(command.artifacts.directory)["status"] == "complete"


def helper_script(command: Command, directory: Path, *lines: str) -> dict[str, str]:
    """A stand-in for the helper that does something else, or more, where it is to be the results server."""
    real = command.program.parent / "aiperf-helper"
    script = directory / "helper.sh"
    body = "\n".join(lines)
    script.write_text(
        f'#!/bin/sh\nif [ "$1" = results-server ]; then\n{body}\nfi\nexec {shlex.quote(str(real))} "$@"\n',
        encoding="utf-8",
    )
    script.chmod(0o755)
    return {"AIPERF_HELPER": str(script)}


@pytest.mark.parametrize(
    "lines", [["echo cannot serve today >&2", "exit 3"], ["exec sleep 1000"]], ids=["failed", "never registered"]
)
def test_a_results_server_that_never_comes_up_is_a_warning_and_nothing_is_held(
    lines: Sequence[str], command: Command, mock: MockFactory, tmp_path: Path
) -> None:
    env = helper_script(command, tmp_path, *lines)
    env |= {"AIPERF_API_SERVER_PORT": str(free_port()), GRACE: "300", "AIPERF_SERVICE_REGISTRATION_TIMEOUT": "1"}
    env |= {SHUTDOWN_TIMEOUT: "1", STOP_SHORT: "1"}
    finished = command.profile(mock(chat_script()).url, "--request-count", "5", *PROCESSES, env=env)
    assert finished.exit_code == 0, finished.stderr
    assert command.artifacts.value("request_count") == 5
    assert warnings_of(finished.stderr.lower(), "results")
    if len(lines) == 2:
        assert "cannot serve today" in finished.stderr


@pytest.mark.parametrize("deaf", [False, True], ids=["a grandchild that holds stdout", "and ignores SIGTERM"])
def test_a_grandchild_that_holds_stdout_does_not_keep_the_caller_waiting(
    deaf: bool, command: Command, mock: MockFactory, tmp_path: Path
) -> None:
    note = tmp_path / "grandchild"
    trap = "trap '' TERM; " if deaf else ""
    # in the group of its parent, with every descriptor its parent has
    env = helper_script(command, tmp_path, f"( {trap}echo > {shlex.quote(str(note))}; exec sleep 1000 ) &")
    args = command.profile_args(mock(chat_script()).url, "--request-count", "5", "--api-port", "0", *PROCESSES)
    process = subprocess.Popen(
        [str(command.program), *args],
        cwd=command.workdir,
        env=clean_environment({GRACE: "0", **env}, command.workdir),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        printed, _ = process.communicate(timeout=HANG_S)
    finally:
        process.kill()
    assert process.returncode == 0, printed
    assert note.exists()
    assert session_of(process.pid) == []


# ---- the controller is killed


@pytest.mark.parametrize("workers", ["1", "3"])
def test_a_killed_controller_takes_its_children_along_and_leaves_what_recover_needs(
    workers: str, command: Command, mock: MockFactory
) -> None:
    running, poller, server = start_long(command, mock, "60", "--workers-max", workers, *PROCESSES, over=30)
    children = children_of(running.process.pid)
    assert len(children) == int(workers) + 1
    killed_ns = time.monotonic_ns()
    running.signal(signal.SIGKILL)
    assert running.wait().exit_code == -signal.SIGKILL
    wait_gone(children)
    assert can_bind(address_of(poller.url)[1])
    assert group_of(running.process.pid) == []
    answered = {
        request["x_request_id"]
        for request in server.stop()
        # what left the server in the last moment may not have been read any more
        if request.get("client_closed_ms") is None
        and request["at_ns"] + request["sent_ms"][-1] * 1e6 < killed_ns - 250e6
    }
    assert len(answered) >= 12
    poller.join(HANG_S)
    recovered = command.run("recover", str(command.artifacts.directory))
    assert recovered.exit_code == 0, recovered.stderr
    status = json.loads((command.artifacts.directory / "status.json").read_text())
    assert (status["status"], status["exit_code"]) == ("incomplete", 1)
    assert "recovered from the journal of an interrupted run" in status["error"]["message"]
    artifacts = Artifacts(command.artifacts.directory)
    artifacts.check_valid()
    assert answered <= artifacts.good_ids()
