"""The results server of a real run under clients that misbehave; tests/cpp/api/server_faults_test.cpp has the table."""

from __future__ import annotations

import contextlib
import socket
import struct
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest
from command_support import HANG_S
from conftest import build_dir
from ending_support import both_backends
from http_support import ask, serve

if TYPE_CHECKING:
    from pathlib import Path

    from http_support import Served

GET = b"GET /api/results HTTP/1.1\r\nHost: localhost\r\n"
#: What a client sends, then leaves lying.
LEFT_LYING = [
    b"",
    b"GE",
    GET,
    GET + b"X-Slow: ",
    b"POST /x HTTP/1.1\r\nContent-Length: 100\r\n\r\nhalf",
    b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf",
    GET + b"\r\n" + GET,
    b"GET /api/results/files/big.bin HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /api/results/files/big.bin HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: zstd\r\n\r\n",
    b"GET /api/results/archive?format=tar.gz HTTP/1.1\r\nHost: localhost\r\n\r\n",
]
#: What a client is sent away for, with a word.
SENT_AWAY = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET /a\x00b HTTP/1.1\r\n\r\n",
    GET + b"X: y\r\n" * 5000,
    GET + b"X: " + b"a" * 500_000,
]


def has_answered(served: Served, client: socket.socket) -> bytes:
    """Everything that comes until the server closes, or resets."""
    got = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := client.recv(65536):
            got += piece
    assert served.ask("/healthz").body == b"ok"
    return got


@both_backends
def test_misbehaving_clients_harm_neither_others_nor_the_end_of_a_run(
    backend: str, program: Path, tmp_path: Path
) -> None:
    with contextlib.ExitStack() as stack, serve(program, tmp_path, "--backend", backend) as served:
        (served.artifacts.directory / "big.bin").write_bytes(bytes(32 << 20))
        kept = stack.enter_context(contextlib.closing(served.connect()))
        for request in LEFT_LYING * 5:
            stack.enter_context(served.send(request))
            assert ask(kept, "/api/results").json()["status"] == "complete"
        for request in SENT_AWAY:
            with served.send(b"") as client:
                sender = threading.Thread(target=send_all, args=(client, request))
                sender.start()
                assert has_answered(served, client)[:13] in {b"", b"HTTP/1.1 400 "}
                sender.join(HANG_S)
            assert ask(kept, "/api/results").json()["status"] == "complete"
        for _ in range(20):
            reset = served.send(LEFT_LYING[-2])
            reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            reset.close()
        assert ask(kept, "/healthz").body == b"ok"
        assert served.end() == 0


def send_all(client: socket.socket, request: bytes) -> None:
    """Sends what the other side may not want to read."""
    with contextlib.suppress(OSError):
        client.sendall(request)


@pytest.mark.slow
def test_ten_thousand_connections_are_answered() -> None:
    test = build_dir() / "bin" / "test_api"
    done = subprocess.run([test, "[crowd]"], capture_output=True, text=True, check=False, timeout=2 * HANG_S)
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_answers_come_in_order_on_hundreds_of_connections(program: Path, tmp_path: Path) -> None:
    paths = [b"/healthz", b"/nope", b"/api/run", b"/api/results/files/missing"]
    words = [b"200", b"404", b"200", b"404"]
    with serve(program, tmp_path) as served, contextlib.ExitStack() as stack:
        request = b"".join(b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\n\r\n" for path in paths) * 25
        clients = [stack.enter_context(served.send(request)) for _ in range(300)]
        for client in clients:
            got = b""
            while got.count(b"HTTP/1.1 ") < 100:
                piece = client.recv(65536)
                assert piece
                got += piece
            statuses = [part[:3] for part in got.split(b"HTTP/1.1 ")[1:]]
            assert statuses == words * 25
