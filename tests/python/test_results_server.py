"""The results server around a run's end: what a client that polls gets to see."""

from __future__ import annotations

import dataclasses
import json
import signal
import socket
import threading
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from command_support import HANG_S, chat_script, wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from command_support import Running
    from conftest import Command, MockFactory

POLL_S = 0.1


@dataclasses.dataclass
class Poll:
    """One answer of /api/results, or its absence."""

    at: float
    status: str  # of the body; "refused" where nobody listens
    body: dict[str, Any]


def get(url: str) -> tuple[int, bytes]:
    """Status and body of a GET on a connection of its own."""
    try:
        with urllib.request.urlopen(url, timeout=HANG_S) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


class Poller(threading.Thread):
    """Polls /api/results until nobody listens any more, as an orchestrator would; fetches the files at its end."""

    def __init__(self, artifacts: Path) -> None:
        super().__init__(daemon=True)
        self.artifacts = artifacts
        self.polls: list[Poll] = []
        self.files: dict[str, bytes] = {}
        self.listed: dict[str, int] = {}
        self.failure: BaseException | None = None
        self.fetched = False  # every file that was listed at the first end

    def run(self) -> None:
        try:
            self.url = self.find_url()
            while not self.polls or self.polls[-1].status != "refused":
                self.polls.append(self.poll())
                if self.polls[-1].status not in ("running", "refused") and not self.listed:
                    self.fetch()
                time.sleep(POLL_S)
        except BaseException as error:  # told by result()
            self.failure = error

    def find_url(self) -> str:
        wait_until((self.artifacts / "api.json").exists, HANG_S, "api.json")
        return str(json.loads((self.artifacts / "api.json").read_text())["url"])

    def poll(self) -> Poll:
        try:
            code, body = get(self.url + "/api/results")
        except urllib.error.URLError as error:
            # A connection that crosses the closing of the listener is reset by the system; earlier it is a fault.
            ended = bool(self.polls) and self.polls[-1].status != "running"
            if isinstance(error.reason, ConnectionRefusedError) or (
                ended and isinstance(error.reason, ConnectionResetError)
            ):
                return Poll(time.monotonic(), "refused", {})
            raise
        assert code == 200
        value = json.loads(body)
        return Poll(time.monotonic(), value["status"], value)

    def fetch(self) -> None:
        listed = json.loads(get(self.url + "/api/results/list")[1])
        self.listed = {entry["name"]: entry["size"] for entry in listed["files"]}
        for name in self.listed:
            code, body = get(f"{self.url}/api/results/files/{name}")
            assert code == 200, (name, code)
            self.files[name] = body
        self.fetched = True

    def result(self) -> list[Poll]:
        self.join(HANG_S)
        assert not self.is_alive()
        if self.failure is not None:
            raise self.failure
        return self.polls


def start(command: Command, url: str, grace: str, *args: str, **options: Any) -> tuple[Running, Poller]:
    """A run with a results server on any free port, and its poller."""
    env = {"AIPERF_API_SERVER_POST_COMPLETE_GRACE": grace, **options.pop("env", {})}
    running = command.start_profile(url, "--api-port", "0", *args, env=env, **options)
    poller = Poller(command.artifacts.directory)
    poller.start()
    return running, poller


def words(polls: Sequence[Poll]) -> list[str]:
    """Statuses in order, each once."""
    seen: list[str] = []
    for poll in polls:
        if not seen or seen[-1] != poll.status:
            seen.append(poll.status)
    return seen


def test_a_poller_sees_running_then_complete_with_all_files_for_the_grace_then_refused(
    command: Command, mock: MockFactory
) -> None:
    server = mock(chat_script())
    running, poller = start(command, server.url, "5", "--request-count", "40", "--concurrency", "2")
    polls = poller.result()
    finished = running.wait()
    assert finished.exit_code == 0, finished.stderr
    assert words(polls) in (["running", "complete", "refused"], ["complete", "refused"])
    complete = [poll for poll in polls if poll.status == "complete"]
    assert len(complete) >= 31
    assert complete[-1].at - complete[0].at >= 4.7
    body = complete[0].body
    assert body["run_id"] == command.artifacts.summary()["benchmark_id"]
    assert {poll.body["seq"] for poll in complete} == {body["seq"]}
    assert body["error"] is None
    on_disk = {p.name: p.read_bytes() for p in command.artifacts.directory.iterdir() if p.is_file()}
    for name, content in poller.files.items():
        assert content == on_disk[name]
        assert poller.listed[name] == len(content)
    assert {"profile_export_aiperf.json", "profile_export_aiperf.csv", "profile_export.jsonl"} <= set(poller.files)
    assert json.loads(poller.files["profile_export_aiperf.json"])["request_count"]["avg"] == 40.0
    assert json.loads(on_disk["status.json"]) == body


def test_grace_0_does_not_hold(command: Command, mock: MockFactory) -> None:
    running, poller = start(command, mock(chat_script()).url, "0", "--request-count", "40")
    polls = poller.result()
    assert running.wait().exit_code == 0
    assert len([poll for poll in polls if poll.status == "complete"]) <= 3
    assert json.loads((command.artifacts.directory / "status.json").read_text())["status"] == "complete"


def test_without_a_server_nothing_is_waited_for(command: Command, mock: MockFactory) -> None:
    server = mock(chat_script())
    began = time.monotonic()
    finished = command.profile(server.url, "--request-count", "5", env={"AIPERF_API_SERVER_POST_COMPLETE_GRACE": "300"})
    assert finished.exit_code == 0
    assert time.monotonic() - began < HANG_S
    assert not (command.artifacts.directory / "api.json").exists()
    status = json.loads((command.artifacts.directory / "status.json").read_text())
    assert (status["status"], status["exit_code"]) == ("complete", 0)


def test_ctrl_c_shows_cancelled_for_the_grace_and_another_ends_it(command: Command, mock: MockFactory) -> None:
    server = mock(chat_script())
    running, poller = start(command, server.url, "60", "--request-count", "100000", "--concurrency", "2")
    wait_until(lambda: len(poller.polls) >= 3, HANG_S, "some polls")
    running.signal(signal.SIGINT)
    wait_until(lambda: poller.fetched, HANG_S, "the end and its files")
    running.signal(signal.SIGINT)
    polls = poller.result()
    assert running.wait().exit_code == 130
    assert words(polls)[-2:] == ["cancelled", "refused"]
    assert "profile_export_aiperf.json" in poller.files
    assert command.artifacts.summary()["was_cancelled"] is True


def test_ctrl_c_in_the_grace_ends_it_and_changes_nothing(command: Command, mock: MockFactory) -> None:
    running, poller = start(command, mock(chat_script()).url, "60", "--request-count", "5")
    wait_until(lambda: poller.fetched, HANG_S, "the end and its files")
    running.signal(signal.SIGINT)
    polls = poller.result()
    finished = running.wait()
    assert finished.exit_code == 0
    assert "cancelled" not in words(polls)
    assert "cancelled" not in finished.stdout.lower()


def test_a_port_in_use_by_flag_ends_the_run_without_a_request(command: Command, mock: MockFactory) -> None:
    server = mock(chat_script())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        finished = command.profile(server.url, "--request-count", "5", "--api-port", str(port))
    assert finished.exit_code == 1
    assert f"127.0.0.1:{port}" in finished.stderr
    assert "Address already in use" in finished.stderr
    assert server.requests() == []


def test_a_port_in_use_from_the_environment_is_a_warning(command: Command, mock: MockFactory) -> None:
    server = mock(chat_script())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        finished = command.profile(
            server.url,
            "--request-count",
            "5",
            env={"AIPERF_API_SERVER_PORT": port, "AIPERF_API_SERVER_POST_COMPLETE_GRACE": "300"},
        )
    assert finished.exit_code == 0
    assert f"127.0.0.1:{port}" in finished.stderr
    assert command.artifacts.value("request_count") == 5


@pytest.mark.parametrize("value", ["-0.1", "300.1", "nan", "inf", "five", ""])
def test_a_bad_grace_is_refused_before_anything_starts(command: Command, mock: MockFactory, value: str) -> None:
    server = mock(chat_script())
    finished = command.profile(server.url, env={"AIPERF_API_SERVER_POST_COMPLETE_GRACE": value})
    assert finished.exit_code == 2
    (line,) = finished.error_lines
    assert "AIPERF_API_SERVER_POST_COMPLETE_GRACE" in line
    assert "0" in line
    assert "300" in line
    assert server.requests() == []
    assert not command.artifacts.directory.exists()


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
    wait_until(lambda: poller.fetched, HANG_S, "the end and its files")
    running.signal(signal.SIGINT)
    assert running.wait().exit_code == 143
    poller.result()


def test_wait_tells_of_a_run_that_died(command: Command, mock: MockFactory) -> None:
    server = mock(chat_script())
    running, poller = start(command, server.url, "60", "--request-count", "100000")
    wait_until(lambda: len(poller.polls) >= 2, HANG_S, "the run")
    waiting = command.start("wait", str(command.artifacts.directory))
    time_to_read = time.monotonic() + 0.3
    wait_until(lambda: time.monotonic() > time_to_read, HANG_S, "a first look")
    running.signal(signal.SIGKILL)
    running.wait()
    finished = waiting.wait()
    assert finished.exit_code == 1
    assert "gone without a last word" in finished.stderr
