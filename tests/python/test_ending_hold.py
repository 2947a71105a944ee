"""When the hold ends: with those who know, for those who do not yet, by somebody's word; and who is told of it."""

from __future__ import annotations

import re
import signal
import time
from typing import TYPE_CHECKING

import pytest
from access_support import ACK, GRACE_MAX, Entrance, NotifySocket, api_file, short_directory
from command_support import HANG_S, answer, chat_script, wait_until
from ending_support import (
    GRACE,
    UNHURRIED,
    both_backends,
    pass_time,
    results_server_of,
    start,
    status_file,
    wait_served,
    words,
)

if TYPE_CHECKING:
    from conftest import Command, MockFactory

LONG = "250"  # s: whoever waits for it has hung


@both_backends
def test_the_hold_ends_when_everybody_who_had_asked_knows(backend: str, command: Command, mock: MockFactory) -> None:
    server = mock(chat_script(UNHURRIED))
    flags = ["--request-count", "10", "--backend", backend]
    running, poller = start(command, server.url, LONG, *flags, env={ACK: "true"})
    wait_served(running, poller)
    slow = Entrance(poller.url)
    assert slow.ask("/api/results", X_AIPerf_Client="slow").json()["status"] == "running"
    wait_until(lambda: poller.fetched, HANG_S, "the end")
    pass_time(1.5)
    assert not running.ended  # one does not know yet
    assert slow.ask("/api/results", X_AIPerf_Client="slow").json()["status"] == "complete"
    finished = running.wait()
    assert finished.exit_code == 0
    assert words(poller.result())[-1] == "refused"


@both_backends
def test_a_stream_that_was_told_the_end_has_read_it(backend: str, command: Command, mock: MockFactory) -> None:
    server = mock(chat_script(UNHURRIED))
    flags = ["--api-port", "0", "--request-count", "10", "--backend", backend]
    running = command.start_profile(server.url, *flags, env={GRACE: LONG, ACK: "true"})
    entrance = Entrance(api_file(command.artifacts.directory)["url"])
    assert entrance.ask("/api/events").body.count(b"event: benchmark_complete") == 1
    assert running.wait().exit_code == 0


@both_backends
def test_where_nobody_has_asked_the_hold_is_as_long_as_ever(backend: str, command: Command, mock: MockFactory) -> None:
    flags = ["--api-port", "0", "--request-count", "5", "--backend", backend]
    running = command.start_profile(mock(chat_script()).url, *flags, env={ACK: "true", GRACE: "3"})
    artifacts = command.artifacts.directory
    wait_until(
        lambda: (artifacts / "status.json").exists() and status_file(artifacts)["status"] != "running", HANG_S, "end"
    )
    seen_at = time.monotonic()
    assert running.wait().exit_code == 0
    assert time.monotonic() - seen_at >= 2


@both_backends
def test_a_slow_poller_that_was_there_is_waited_for(backend: str, command: Command, mock: MockFactory) -> None:
    server = mock(chat_script(UNHURRIED))
    flags = ["--api-port", "0", "--request-count", "10", "--backend", backend]
    env = {GRACE: "0", GRACE_MAX: LONG, ACK: "true"}
    running = command.start_profile(server.url, *flags, env=env)
    entrance = Entrance(api_file(command.artifacts.directory)["url"])
    assert entrance.status() == "running"
    artifacts = command.artifacts.directory
    wait_until(lambda: status_file(artifacts)["status"] != "running", HANG_S, "end")
    pass_time(2)
    assert not running.ended
    assert entrance.status() == "complete"
    finished = running.wait()
    assert finished.exit_code == 0
    assert entrance.refuses


@both_backends
@pytest.mark.parametrize("way", ["shutdown", "SIGTERM"])
def test_a_server_that_lingers_stays_until_somebody_says_so(
    way: str, backend: str, command: Command, mock: MockFactory
) -> None:
    flags = ["--request-count", "5", "--backend", backend, "--api-linger"]
    running, poller = start(command, mock(chat_script()).url, "0", *flags)
    wait_until(lambda: poller.fetched, HANG_S, "the end")
    pass_time(1)
    assert not running.ended
    assert "stays until POST /api/shutdown or a signal" in running.stderr
    if way == "shutdown":
        assert Entrance(poller.url).ask("/api/shutdown", "POST").status == 200
    else:
        running.signal(signal.SIGTERM)
    assert running.wait().exit_code == 0
    assert words(poller.result()) == ["running", "complete", "refused"]


def test_a_confirmation_that_comes_late_keeps_the_whole_grace(command: Command, mock: MockFactory) -> None:
    server = mock(chat_script(answer(first_ms=50)))
    flags = ["--api-port", "0", "--request-count", "20", "--backend", "process"]
    running = command.start_profile(server.url, *flags, env={GRACE: "4"})
    entrance = Entrance(api_file(command.artifacts.directory)["url"])
    assert entrance.status() == "running"
    child = results_server_of(running)
    child.signal(signal.SIGSTOP)
    wait_until(lambda: "did not confirm" in running.stderr, HANG_S, "the warning")
    child.signal(signal.SIGCONT)
    entrance.wait_status("complete")
    seen_at = time.monotonic()
    assert running.wait().exit_code == 0
    assert time.monotonic() - seen_at >= 3


# ---- systemd


@pytest.mark.parametrize("kind", ["path", "abstract"])
@pytest.mark.parametrize("served", [True, False], ids=["with a server", "without"])
def test_a_service_manager_hears_that_the_run_is_up_and_that_it_ends(
    served: bool, kind: str, command: Command, mock: MockFactory
) -> None:
    with short_directory() as folder:
        name = f"@{folder}" if kind == "abstract" else str(folder / "notify")
        manager = NotifySocket(name)
        server = mock(chat_script(UNHURRIED))
        flags = ["--request-count", "30", *(["--api-port", "0"] if served else [])]
        running = command.start_profile(server.url, *flags, env={GRACE: "1", "NOTIFY_SOCKET": name})
        wait_until(lambda: "READY=1" in manager.heard, HANG_S, "READY=1")
        assert not running.ended
        assert "STOPPING=1" not in manager.heard
        assert running.wait().exit_code == 0
        manager.stop()
    assert manager.heard.count("READY=1") == 1
    assert "STATUS=profiling" in manager.heard
    assert re.search("^STATUS=the run is over: complete$", "\n".join(manager.heard), re.MULTILINE)
    assert manager.heard[-1] == "STOPPING=1"


def test_a_service_manager_that_is_not_there_changes_nothing(command: Command, mock: MockFactory) -> None:
    for name in ("/no/such/socket", "@nobody-listens-here", "relative", "/" + "x" * 200):
        done = command.profile(mock(chat_script()).url, "--request-count", "3", env={"NOTIFY_SOCKET": name})
        assert done.exit_code == 0, done.stderr
