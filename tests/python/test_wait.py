"""`aiperf-cpp wait`: the end of a run, asked for from outside."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from command_support import HANG_S, chat_script, wait_until
from ending_support import pass_time, start, wait_ended

if TYPE_CHECKING:
    from conftest import Command, MockFactory


@pytest.mark.parametrize("by_url", [False, True])
def test_wait_exits_with_the_code_of_the_run(command: Command, mock: MockFactory, by_url: bool) -> None:
    server = mock(chat_script())
    running, poller = start(command, server.url, "60", "--request-count", "100000", "--concurrency", "2")
    wait_until(lambda: bool(poller.polls), HANG_S, "the server")
    what = poller.url if by_url else str(command.artifacts.directory)
    assert command.run("wait", what, "--timeout", "0.2").exit_code == 124
    waiting = command.start("wait", what)
    running.signal(signal.SIGTERM)
    finished = waiting.wait()
    assert finished.exit_code == 143, finished.stderr
    assert "cancelled" in finished.stdout
    wait_ended(running, poller)
    running.signal(signal.SIGINT)
    assert running.wait().exit_code == 143
    poller.result()


def test_wait_tells_of_a_run_that_died(command: Command, mock: MockFactory) -> None:
    server = mock(chat_script())
    running, poller = start(command, server.url, "60", "--request-count", "100000")
    wait_until(lambda: len(poller.polls) >= 2, HANG_S, "the run")
    waiting = command.start("wait", str(command.artifacts.directory))
    pass_time(0.3)  # for a first look
    running.signal(signal.SIGKILL)
    running.wait()
    finished = waiting.wait()
    assert finished.exit_code == 1
    assert "gone without a last word" in finished.stderr
