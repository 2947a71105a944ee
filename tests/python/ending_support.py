"""What the tests of a run's end share: a poller of /api/results, the processes of a run."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import socket
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from command_support import HANG_S, answer, chat_script, wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from command_support import Mock, Running
    from conftest import Command, MockFactory

POLL_S = 0.1
GRACE = "AIPERF_API_SERVER_POST_COMPLETE_GRACE"
SHUTDOWN_TIMEOUT = "AIPERF_API_SERVER_SHUTDOWN_TIMEOUT"
#: Where workers and results server run: every end must look the same.
BACKENDS = ["thread", "process"]
both_backends = pytest.mark.parametrize("backend", BACKENDS)
#: One answer takes long enough to be in flight when something happens.
UNHURRIED = answer(first_ms=100)


@dataclasses.dataclass
class Poll:
    """One answer of /api/results, or its absence."""

    at: float
    status: str  # of the body; "refused" where nobody listens
    body: dict[str, Any]


def get(url: str) -> tuple[int, bytes]:
    """Status and body of a GET on a connection of its own."""
    try:
        with urllib.request.urlopen(url, timeout=HANG_S) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def post(url: str) -> tuple[int, bytes]:
    """Status and body of a POST without a body."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=HANG_S) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def api_url(artifacts: Path) -> str:
    """Where the results server listens, once api.json says so."""
    wait_until((artifacts / "api.json").exists, HANG_S, "api.json")
    return str(json.loads((artifacts / "api.json").read_text())["url"])


def address_of(url: str) -> tuple[str, int]:
    """Host and port of a URL like http://127.0.0.1:9090."""
    host, port = url.removeprefix("http://").rsplit(":", 1)
    return host.strip("[]"), int(port)


def exchange(url: str, request: bytes) -> bytes:
    """What comes back to a request, until the server closes."""
    with socket.create_connection(address_of(url), timeout=HANG_S) as client:
        client.sendall(request)
        got = b""
        while piece := client.recv(65536):
            got += piece
    return got


class Poller(threading.Thread):
    """Polls /api/results until nobody listens any more, as an orchestrator would; fetches the files at its end."""

    def __init__(self, artifacts: Path) -> None:
        super().__init__(daemon=True)
        self.artifacts = artifacts
        self.polls: list[Poll] = []
        self.files: dict[str, bytes] = {}
        self.list: dict[str, Any] = {}  # the body of /api/results/list
        self.failure: BaseException | None = None
        self.fetched = False  # every file that was listed at the first end

    def run(self) -> None:
        try:
            self.url = api_url(self.artifacts)
            while not self.polls or self.polls[-1].status != "refused":
                self.polls.append(self.poll())
                if self.polls[-1].status not in ("running", "refused") and not self.fetched:
                    self.fetch()
                time.sleep(POLL_S)
        except BaseException as error:  # told by result()
            self.failure = error

    def poll(self) -> Poll:
        try:
            code, body = get(self.url + "/api/results")
        except (urllib.error.URLError, ConnectionResetError) as error:
            # A connection that crosses the closing of the listener is reset by the system; earlier it is a fault.
            reason = getattr(error, "reason", error)
            ended = bool(self.polls) and self.polls[-1].status != "running"
            if isinstance(reason, ConnectionRefusedError) or (ended and isinstance(reason, ConnectionResetError)):
                return Poll(time.monotonic(), "refused", {})
            raise
        assert code == 200
        value = json.loads(body)
        return Poll(time.monotonic(), value["status"], value)

    def fetch(self) -> None:
        self.list = json.loads(get(self.url + "/api/results/list")[1])
        for name in self.listed:
            code, body = get(f"{self.url}/api/results/files/{name}")
            assert code == 200, (name, code)
            self.files[name] = body
        self.fetched = True

    @property
    def listed(self) -> dict[str, int]:
        """Sizes of the files, by name."""
        return {entry["name"]: entry["size"] for entry in self.list.get("files", [])}

    def result(self) -> list[Poll]:
        """All polls, once refused."""
        self.join(HANG_S)
        assert not self.is_alive()
        if self.failure is not None:
            raise self.failure
        return self.polls

    def seen(self, status: str) -> list[Poll]:
        """The polls with this status."""
        return [poll for poll in self.polls if poll.status == status]

    def shown_s(self, status: str) -> float:
        """How long the last status could be seen: from its first poll to the first that was refused."""
        assert self.polls[-1].status == "refused"
        return self.polls[-1].at - self.seen(status)[0].at


def words(polls: Sequence[Poll]) -> list[str]:
    """Statuses in order, each once."""
    seen: list[str] = []
    for poll in polls:
        if not seen or seen[-1] != poll.status:
            seen.append(poll.status)
    return seen


def start(command: Command, url: str, grace: str, *args: str, **options: Any) -> tuple[Running, Poller]:
    """A run with a results server on any free port, and its poller."""
    env = {GRACE: grace, **options.pop("env", {})}
    running = command.start_profile(url, "--api-port", "0", *args, env=env, **options)
    poller = Poller(command.artifacts.directory)
    poller.start()
    return running, poller


def wait_served(running: Running, poller: Poller) -> None:
    """Waits for the first answer of the results server."""
    wait_until(lambda: running.ended or bool(poller.polls), HANG_S, "the results server")
    assert poller.polls, running.wait().stderr


def wait_ended(running: Running, poller: Poller) -> None:
    """Waits for the terminal status, and until its files have been fetched."""
    wait_until(lambda: running.ended or poller.fetched, HANG_S, "the end and its files")
    assert poller.fetched, running.wait().stderr


def start_long(
    command: Command, mock: MockFactory, grace: str, *args: str, over: int = 6, **options: Any
) -> tuple[Running, Poller, Mock]:
    """A run of more requests than it will get to, seen `running`, with `over` answers behind it."""
    server = mock(chat_script(UNHURRIED))
    flags = ["--request-count", "100000", "--concurrency", "6"]
    running, poller = start(command, server.url, grace, *flags, *args, **options)
    wait_until(lambda: running.ended or (server.over() >= over and bool(poller.polls)), HANG_S, f"{over} answers")
    assert not running.ended, running.wait().stderr
    return running, poller, server


def status_file(artifacts: Path) -> dict[str, Any]:
    """What status.json says."""
    value: dict[str, Any] = json.loads((artifacts / "status.json").read_text(encoding="utf-8"))
    return value


def pass_time(seconds: float) -> None:
    """Until the instant, counted from now, at which something is to be done."""
    until = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() >= until, seconds + HANG_S, "that instant")


# ---- processes


@dataclasses.dataclass(frozen=True)
class Child:
    """A process of a run."""

    pid: int
    arguments: tuple[str, ...]

    @property
    def is_alive(self) -> bool:
        """Whether it runs; one that ended and was not waited for yet does not."""
        stat = _stat(self.pid)
        return stat is not None and stat[0] not in "ZX" and _arguments(self.pid) == self.arguments

    def signal(self, number: int) -> None:
        """Sends it a signal."""
        os.kill(self.pid, number)


def _stat(pid: int) -> list[str] | None:
    """State, parent, group … of a process; None: there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return text.rsplit(")", 1)[1].split()


def _arguments(pid: int) -> tuple[str, ...]:
    try:
        text = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ()
    return tuple(text.split("\0")[:-1])


def all_pids() -> list[int]:
    """Every process there is."""
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def children_of(pid: int) -> list[Child]:
    """The processes a process has started and not waited for, those that ended left out."""
    found = []
    for candidate in all_pids():
        stat = _stat(candidate)
        if stat is not None and stat[0] not in "ZX" and int(stat[1]) == pid:
            found.append(Child(candidate, _arguments(candidate)))
    return found


def group_of(pid: int) -> list[int]:
    """The processes of a group, those that ended left out."""
    return _members(2, pid)


def session_of(pid: int) -> list[int]:
    """The processes of a session, those that ended left out."""
    return _members(3, pid)


def _members(field: int, number: int) -> list[int]:
    stats = {pid: _stat(pid) for pid in all_pids()}
    return [pid for pid, stat in stats.items() if stat and stat[0] not in "ZX" and int(stat[field]) == number]


def workers_of(running: Running) -> list[Child]:
    """The workers of a run with the process backend, by number."""
    found = [child for child in children_of(running.process.pid) if "worker" in child.arguments]
    return sorted(found, key=lambda child: int(child.arguments[child.arguments.index("worker") + 1]))


def results_server_of(running: Running) -> Child:
    """The results server of a run with the process backend."""

    def find() -> Child | None:
        found = [child for child in children_of(running.process.pid) if "results-server" in child.arguments]
        return found[0] if found else None

    child = wait_until(find, HANG_S, "process of the results server")
    assert isinstance(child, Child)
    return child


def wait_gone(children: Sequence[Child], what: str = "end of every child") -> None:
    """Waits for the end of all of them."""
    wait_until(lambda: not any(child.is_alive for child in children), HANG_S, what)


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def can_bind(port: int) -> bool:
    """Whether a server may listen there now."""
    with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
        return True
    return False
