"""What the tests of the results server's entrances share: clients by TCP, TLS and Unix socket; services of systemd."""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import json
import socket
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from command_support import HANG_S, wait_until

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator, Mapping

TOKEN = "AIPERF_API_SERVER_TOKEN"
AUTH = "AIPERF_API_SERVER_AUTH"
ACK = "AIPERF_API_SERVER_POST_COMPLETE_ACK"
GRACE_MAX = "AIPERF_API_SERVER_POST_COMPLETE_GRACE_MAX"
CORS = "AIPERF_API_SERVER_CORS_ORIGINS"
TLS_CERT, TLS_KEY = "AIPERF_API_SERVER_TLS_CERT", "AIPERF_API_SERVER_TLS_KEY"


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a socket in the file system."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=HANG_S)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(HANG_S)
        self.sock.connect(self.path)


@dataclasses.dataclass
class Reply:
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Its body."""
        return json.loads(self.body)


@dataclasses.dataclass
class Entrance:
    """One way into a results server, and what one has to bring along."""

    url: str = ""
    path: str = ""  # of the Unix socket; empty: by the URL
    context: ssl.SSLContext | None = None
    token: str = ""

    def connect(self) -> http.client.HTTPConnection:
        """A connection of one's own."""
        if self.path:
            return UnixConnection(self.path)
        place = self.url.split("://", 1)[1]
        if self.context is None:
            return http.client.HTTPConnection(place, timeout=HANG_S)
        return http.client.HTTPSConnection(place, timeout=HANG_S, context=self.context)

    def ask(self, target: str, method: str = "GET", **headers: str) -> Reply:
        """One request on a connection of its own; `_` in names of headers stands for `-`."""
        with contextlib.closing(self.connect()) as connection:
            return self.ask_on(connection, target, method, **headers)

    def ask_on(self, connection: http.client.HTTPConnection, target: str, method: str = "GET", **headers: str) -> Reply:
        """One request on a connection that may be kept."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            named.setdefault("Authorization", f"Bearer {self.token}")
        connection.request(method, target, headers=named)
        reply = connection.getresponse()
        return Reply(reply.status, dict(reply.headers.items()), reply.read())

    def status(self) -> str:
        """The run's status, as it is told."""
        return str(self.ask("/api/results").json()["status"])

    def wait_status(self, *wanted: str) -> str:
        """Waits for one of these."""
        found: list[str] = []

        def look() -> bool:
            found[:] = [self.status()]
            return found[0] in wanted

        wait_until(look, HANG_S, " or ".join(wanted))
        return found[0]

    @property
    def refuses(self) -> bool:
        """Nobody listens there any more."""
        with contextlib.closing(self.connect()) as connection:
            try:
                if self.path:
                    connection.connect()
                else:  # without TLS: a listener that closes amid a handshake has not refused
                    socket.create_connection((connection.host, connection.port), HANG_S).close()
            except (ConnectionRefusedError, FileNotFoundError):
                return True
        return False


def api_file(artifacts: Path) -> dict[str, Any]:
    """api.json, once it is there."""
    wait_until((artifacts / "api.json").exists, HANG_S, "api.json")
    value: dict[str, Any] = json.loads((artifacts / "api.json").read_text(encoding="utf-8"))
    return value


class NotifySocket:
    """Where a service manager hears of its service."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.heard: list[str] = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + name[1:] if name.startswith("@") else name)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while text := self.socket.recv(4096).decode("utf-8"):
            self.heard += text.split("\n")

    def stop(self) -> None:
        """Ends the listening."""
        with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as sender:
            sender.sendto(b"", "\0" + self.name[1:] if self.name.startswith("@") else self.name)
        self._thread.join(HANG_S)
        self.socket.close()


@contextlib.contextmanager
def short_directory() -> Iterator[Path]:
    """A folder whose name leaves room for a socket's: those of pytest may be too long."""
    with tempfile.TemporaryDirectory(prefix="aiperf-") as name:
        yield Path(name)
