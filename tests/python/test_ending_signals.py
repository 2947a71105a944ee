"""Ends by signals: what a poller sees, which exit code comes, and that nothing stays behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from command_support import HANG_S, Running, answer, chat_script, wait_until
from ending_support import (
    GRACE,
    SHUTDOWN_TIMEOUT,
    UNHURRIED,
    Poller,
    both_backends,
    children_of,
    get,
    group_of,
    pass_time,
    start,
    start_long,
    status_file,
    wait_ended,
    wait_gone,
    wait_served,
    words,
)

if TYPE_CHECKING:
    from conftest import Command, MockFactory

one_and_three_workers = pytest.mark.parametrize("workers", ["1", "3"])


def check_cancelled(command: Command, poller: Poller, exit_code: int) -> None:
    """A poller saw `cancelled` with whole artifacts, which agree with the status."""
    assert words(poller.polls)[-2:] == ["cancelled", "refused"]
    assert "complete" not in words(poller.polls)
    body = poller.seen("cancelled")[0].body
    assert (body["exit_code"], body["results"]["results"]["was_cancelled"]) == (exit_code, True)
    assert {"profile_export_aiperf.json", "profile_export_aiperf.csv", "profile_export.jsonl"} <= set(poller.files)
    command.artifacts.check_valid()
    summary = command.artifacts.summary()
    assert summary["was_cancelled"] is True
    assert summary["request_count"]["avg"] == body["results"]["results"]["successful_request_count"]
    assert status_file(command.artifacts.directory) == body


@both_backends
@pytest.mark.parametrize(("to", "workers"), [("process", "1"), ("group", "3")])
def test_ctrl_c_shows_cancelled_with_all_files_for_the_grace(
    to: str, workers: str, backend: str, command: Command, mock: MockFactory
) -> None:
    flags = ["--workers-max", workers, "--backend", backend]
    running, poller, _ = start_long(command, mock, "1", *flags, preexec=os.setsid)
    if to == "group":
        os.killpg(running.process.pid, signal.SIGINT)
    else:
        running.signal(signal.SIGINT)
    poller.result()
    finished = running.wait()
    assert finished.exit_code == 130, finished.stderr
    assert poller.shown_s("cancelled") >= 0.7
    check_cancelled(command, poller, 130)
    assert group_of(running.process.pid) == []


@both_backends
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_grace_ends_it_and_changes_nothing(
    number: signal.Signals, backend: str, command: Command, mock: MockFactory
) -> None:
    running, poller = start(command, mock(chat_script()).url, "60", "--request-count", "5", "--backend", backend)
    wait_ended(running, poller)
    running.signal(number)
    signalled_at = time.monotonic()
    poller.result()
    finished = running.wait()
    assert finished.exit_code == 0
    assert poller.polls[-1].at - signalled_at < 20
    assert "cancelled" not in words(poller.polls)
    assert "cancelled" not in finished.stdout.lower()
    assert status_file(command.artifacts.directory)["status"] == "complete"
    assert command.artifacts.summary()["was_cancelled"] is False


@both_backends
def test_sigterm_leaves_of_the_grace_what_the_stop_timeout_has_left(
    backend: str, command: Command, mock: MockFactory
) -> None:
    # 8 s for everything, of which 2 s are kept for the closing: the hold is 6 s at most, of the 300 s asked for
    budget = {"AIPERF_STOP_TIMEOUT": "8", SHUTDOWN_TIMEOUT: "1"}
    running, poller, _ = start_long(command, mock, "300", "--backend", backend, env=budget)
    running.signal(signal.SIGTERM)
    poller.result()
    finished = running.wait()
    assert finished.exit_code == 143, finished.stderr
    assert poller.shown_s("cancelled") >= 1
    check_cancelled(command, poller, 143)


@both_backends
def test_ctrl_c_and_another_in_the_grace_of_the_cancelled_run(
    backend: str, command: Command, mock: MockFactory
) -> None:
    running, poller, _ = start_long(command, mock, "60", "--backend", backend)
    running.signal(signal.SIGINT)
    wait_ended(running, poller)
    running.signal(signal.SIGINT)
    poller.result()
    assert running.wait().exit_code == 130
    check_cancelled(command, poller, 130)


@both_backends
@pytest.mark.parametrize("apart_s", [0.0, 0.005, 0.02, 0.1])
def test_ctrl_c_twice_leaves_no_process_and_a_status(
    apart_s: float, backend: str, command: Command, mock: MockFactory
) -> None:
    flags = ["--workers-max", "3", "--backend", backend]
    running, poller, _ = start_long(command, mock, "60", *flags, preexec=os.setsid)
    children = children_of(running.process.pid)
    running.signal(signal.SIGINT)
    pass_time(apart_s)
    running.signal(signal.SIGINT)
    wait_until(lambda: running.ended or status_file(command.artifacts.directory)["status"] != "running", HANG_S, "end")
    if not running.ended:  # the second one came in the hold of a run that was quick, or as one with the first
        running.signal(signal.SIGINT)
    assert running.wait(20).exit_code == 130
    wait_gone(children)
    assert group_of(running.process.pid) == []
    body = status_file(command.artifacts.directory)
    assert body["status"] in ("cancelled", "incomplete")
    assert body["exit_code"] == 130
    assert any(path.stat().st_size > 0 for path in command.artifacts.directory.rglob("records"))
    poller.join(HANG_S)


@both_backends
def test_ctrl_c_twice_while_the_files_are_written(backend: str, command: Command, mock: MockFactory) -> None:
    words_of_answer = [" word"] * 1000  # to be counted, and written
    server = mock(chat_script(answer(words_of_answer, first_ms=0, gap_ms=0)))
    flags = ["--request-count", "150", "--concurrency", "8", "--export-level", "raw", "--backend", backend]
    running, poller = start(command, server.url, "60", *flags, preexec=os.setsid)

    def is_exporting() -> bool:
        if running.ended or not poller.polls:
            return bool(running.ended)
        state = json.loads(get(poller.url + "/api/progress")[1])["system_state"]
        return state in ("processing", "stopping", "shutdown")

    wait_until(is_exporting, HANG_S, "export")
    children = children_of(running.process.pid)
    running.signal(signal.SIGINT)
    running.signal(signal.SIGINT)
    pass_time(0.05)
    if not running.ended:
        running.signal(signal.SIGINT)
    exit_code = running.wait(20).exit_code
    wait_gone(children)
    assert group_of(running.process.pid) == []
    body = status_file(command.artifacts.directory)
    # where the files were there already, the signals ended the hold of a complete run
    assert (exit_code, body["status"]) in [(0, "complete"), (130, "cancelled"), (130, "incomplete")]
    assert body["exit_code"] == exit_code
    command.artifacts.check_valid()
    poller.join(HANG_S)


def long_prompts(command: Command, url: str, entries: int, tokens: int, *args: str) -> list[str]:
    """Arguments of a run that takes a while to make its data set."""
    flags = command.profile_args(url, "--request-count", "50", "--num-dataset-entries", str(entries), *args)
    flags[flags.index("--isl") + 1] = str(tokens)
    return [*flags, "--api-port", "0"]


OFFSETS_S = [0.0, 0.003, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.35]


@both_backends
@pytest.mark.parametrize("offset_s", OFFSETS_S)
def test_ctrl_c_at_any_moment_from_the_launch_ends_the_run(
    offset_s: float, backend: str, command: Command, mock: MockFactory
) -> None:
    server = mock(chat_script(answer(first_ms=60_000)))
    args = long_prompts(command, server.url, 400, 600, "--backend", backend)
    running = command.start(*args, env={GRACE: "0.2"}, preexec=os.setsid)
    pass_time(offset_s)
    running.signal(signal.SIGINT)
    finished = running.wait(20)
    # before the program has got as far as to take signals, the system ends it: a shell calls that 130 too
    assert finished.exit_code in (130, -signal.SIGINT), finished.stderr
    assert group_of(running.process.pid) == []
    if finished.exit_code == 130 and (command.artifacts.directory / "status.json").exists():
        body = status_file(command.artifacts.directory)
        assert (body["status"], body["exit_code"]) == ("cancelled", 130)
        assert body["results"] is None or body["results"]["results"]["successful_request_count"] == 0


@both_backends
def test_ctrl_c_while_the_dataset_is_made_is_seen_as_cancelled_without_results(
    backend: str, command: Command, mock: MockFactory
) -> None:
    server = mock(chat_script())
    # The first prompt alone takes far longer than being served and stopped: nothing is sent before it is there.
    args = long_prompts(command, server.url, 10, 500_000, "--backend", backend)
    running = command.start(*args, env={GRACE: "1"})
    poller = Poller(command.artifacts.directory)
    poller.start()
    wait_served(running, poller)
    running.signal(signal.SIGINT)
    poller.result()
    assert running.wait().exit_code == 130
    assert server.stop() == []
    assert poller.polls[-2].status == "cancelled"
    assert poller.polls[-2].body["results"] is None
    assert poller.shown_s("cancelled") >= 0.7


@both_backends
@one_and_three_workers
def test_a_termination_is_like_ctrl_c_with_an_exit_code_of_its_own(
    workers: str, backend: str, command: Command, mock: MockFactory
) -> None:
    running, poller, _ = start_long(command, mock, "0.7", "--workers-max", workers, "--backend", backend)
    running.signal(signal.SIGTERM)
    poller.result()
    assert running.wait().exit_code == 143
    check_cancelled(command, poller, 143)


@both_backends
def test_a_termination_of_process_1_of_a_container(backend: str, command: Command, mock: MockFactory) -> None:
    unshare = shutil.which("unshare")
    new_namespace = [unshare or "unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if unshare is None or subprocess.run([*new_namespace, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("a new pid namespace is not permitted here")
    server = mock(chat_script(UNHURRIED))
    program = command.program
    args = command.profile_args(server.url, "--request-count", "100000", "--concurrency", "4", "--backend", backend)
    running = Running([*new_namespace, str(program), *args], command.workdir)
    try:
        wait_until(lambda: running.ended or server.over() >= 8, HANG_S, "8 answers")
        (first,) = children_of(running.process.pid)
        assert " 1\n" in Path(f"/proc/{first.pid}/status").read_text().replace("\t", " ").split("NSpid:")[1]
        first.signal(signal.SIGTERM)
        finished = running.wait()
    finally:
        running.stop()
    assert finished.exit_code == 143, finished.stderr
    assert command.artifacts.summary()["was_cancelled"] is True
    assert len(command.artifacts.good_ids()) >= 8
    assert status_file(command.artifacts.directory)["exit_code"] == 143
