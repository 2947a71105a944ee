"""What the tests of the results server's HTTP share: a run that has ended and whose server stays, and clients."""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import json
import signal
import socket
from typing import TYPE_CHECKING, Any

from command_support import HANG_S, TOKENIZER, Artifacts, Mock, Running, chat_script, wait_until
from ending_support import GRACE, SHUTDOWN_TIMEOUT, address_of, api_url, get

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


@dataclasses.dataclass
class Reply:
    """An answer, whole."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def header(self, name: str) -> str:
        """Value of a header; empty: it is not there."""
        return str(self.headers.get(name, ""))

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclasses.dataclass
class Served:
    """A run whose results server is up."""

    running: Running
    url: str
    artifacts: Artifacts

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return address_of(self.url)

    def connect(self) -> http.client.HTTPConnection:
        """A client that keeps its connection."""
        return http.client.HTTPConnection(*self.address, timeout=HANG_S)

    def ask(self, target: str, headers: Mapping[str, str] | None = None, method: str = "GET") -> Reply:
        """One request on a connection of its own."""
        with contextlib.closing(self.connect()) as client:
            return ask(client, target, headers, method)

    def send(self, request: bytes) -> socket.socket:
        """A socket on which bytes have been sent."""
        client = socket.create_connection(self.address, timeout=HANG_S)
        client.sendall(request)
        return client

    def end(self) -> int:
        """Ends the hold as Ctrl-C does; gives the exit code."""
        self.running.signal(signal.SIGINT)
        return self.running.wait().exit_code


def ask(
    client: http.client.HTTPConnection, target: str, headers: Mapping[str, str] | None = None, method: str = "GET"
) -> Reply:
    """One request on a connection that may be used again."""
    client.request(method, target, headers={"Accept-Encoding": "identity", **(headers or {})})
    with client.getresponse() as answer:
        return Reply(answer.status, answer.headers, answer.read())


@contextlib.contextmanager
def serve(program: Path, directory: Path, *args: str, env: Mapping[str, str] | None = None) -> Iterator[Served]:
    """A run with a warm-up that has ended and whose results server stays until the block is left."""
    mock = Mock(program, directory / "mock", chat_script(), ())
    artifacts = Artifacts(directory / "artifacts")
    flags = ["-m", "m", "--url", mock.url, "--tokenizer", str(TOKENIZER), "--ui", "none", "--streaming", "--isl", "12"]
    flags += ["--random-seed", "1", "--request-count", "20", "--warmup-request-count", "3", "--api-port", "0"]
    command = [str(program), "profile", *flags, "--artifact-dir", str(artifacts.directory), *args]
    running = Running(command, directory / "work", {GRACE: "300", SHUTDOWN_TIMEOUT: "1", **(env or {})})
    try:
        url = api_url(artifacts.directory)
        wait_until(
            lambda: running.ended or json.loads(get(url + "/api/results")[1])["status"] == "complete", HANG_S, "the end"
        )
        assert not running.ended, running.wait().stderr
        yield Served(running, url, artifacts)
    finally:
        running.stop()
        mock.stop()
