"""Clients that are connected when the hold ends: kept connections, slow downloads, silence."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import time
from typing import TYPE_CHECKING

import pytest
from command_support import HANG_S, chat_script
from ending_support import SHUTDOWN_TIMEOUT, address_of, both_backends, pass_time, start, wait_ended

if TYPE_CHECKING:
    from collections.abc import Callable

    from command_support import Running
    from conftest import Command, MockFactory
    from ending_support import Poller

    StartEnded = Callable[..., tuple[Running, Poller]]

BIG = 24 << 20  # more than the buffers of both sockets hold


@pytest.fixture
def ended_run(command: Command, mock: MockFactory) -> StartEnded:
    """A run at the beginning of its hold, with a big file beside its artifacts. SIGINT ends the hold."""

    def begin(backend: str, grace: str = "60", shutdown_timeout: str = "60") -> tuple[Running, Poller]:
        # a stop may take 1 s: it must cut no download
        env = {SHUTDOWN_TIMEOUT: shutdown_timeout, "AIPERF_SERVICE_TASK_CANCEL_TIMEOUT_SHORT": "1"}
        server = mock(chat_script())
        running, poller = start(command, server.url, grace, "--request-count", "5", "--backend", backend, env=env)
        wait_ended(running, poller)
        (command.artifacts.directory / "big.bin").write_bytes(b"x" * BIG)
        return running, poller

    return begin


class Download:
    """A reader that takes its time over the big file."""

    def __init__(self, url: str) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        self.socket.settimeout(HANG_S)
        self.socket.connect(address_of(url))
        self.socket.sendall(b"GET /api/results/files/big.bin HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.reset = False
        got = b""
        while b"\r\n\r\n" not in got:
            got += self.socket.recv(4096)
        head, rest = got.split(b"\r\n\r\n", 1)
        self.head = head.decode("ascii").lower().split("\r\n")
        self.got = len(rest)

    def read_rest(self) -> int:
        """Bytes of the body in all, once the server has closed."""
        with self.socket:
            try:
                while self.got < BIG and (piece := self.socket.recv(1 << 20)):
                    self.got += len(piece)
            except ConnectionResetError:
                self.reset = True
        return self.got


@both_backends
def test_a_kept_connection_is_answered_through_the_hold_and_told_that_it_ends(
    backend: str, ended_run: StartEnded
) -> None:
    running, poller = ended_run(backend, "4")
    connection = http.client.HTTPConnection(*address_of(poller.url), timeout=HANG_S)
    kept, last = 0, ""
    while last != "close":
        connection.request("GET", "/api/results")
        reply = connection.getresponse()
        assert json.loads(reply.read())["status"] == "complete"
        last = reply.headers["Connection"].lower()
        kept += 1
        pass_time(0.05)
    assert kept >= 3
    assert connection.sock is None  # http.client closed it, as it was told to
    poller.result()
    assert running.wait().exit_code == 0


@both_backends
def test_connections_that_say_nothing_or_half_a_request_do_not_lengthen_the_tail(
    backend: str, ended_run: StartEnded
) -> None:
    running, poller = ended_run(backend)
    address = address_of(poller.url)
    idle = [http.client.HTTPConnection(*address, timeout=HANG_S) for _ in range(5)]
    for connection in idle:
        connection.request("GET", "/healthz")
        connection.getresponse().read()
    silent = socket.create_connection(address, timeout=HANG_S)
    half = socket.create_connection(address, timeout=HANG_S)
    half.sendall(b"GET /api/results HT")
    running.signal(signal.SIGINT)
    poller.result()
    refused_at = time.monotonic()
    assert running.wait().exit_code == 0
    assert time.monotonic() - refused_at < 20
    for connection in idle:
        assert connection.sock is None or connection.sock.recv(1) == b""
        connection.close()
    for client in (silent, half):
        with client:
            client.recv(1000)  # an answer that it was too late, or nothing


def test_a_download_that_takes_three_seconds_longer_than_the_hold_is_whole(ended_run: StartEnded) -> None:
    running, poller = ended_run("process")
    download = Download(poller.url)
    assert f"content-length: {BIG}" in download.head
    running.signal(signal.SIGINT)
    poller.result()  # nobody listens any more
    pass_time(3)
    assert not running.ended
    assert download.read_rest() == BIG
    assert not download.reset
    assert running.wait().exit_code == 0


@both_backends
def test_a_download_that_outlasts_the_shutdown_timeout_is_cut_and_visibly_short(
    backend: str, ended_run: StartEnded
) -> None:
    running, poller = ended_run(backend, shutdown_timeout="2")
    download = Download(poller.url)
    running.signal(signal.SIGINT)
    poller.result()
    refused_at = time.monotonic()
    assert running.wait().exit_code == 0
    assert 1.5 <= time.monotonic() - refused_at < 20
    assert f"content-length: {BIG}" in download.head
    assert download.read_rest() < BIG


@both_backends
def test_downloads_begun_up_to_the_last_moment_are_whole_or_refused(backend: str, ended_run: StartEnded) -> None:
    running, poller = ended_run(backend)
    size = poller.listed["profile_export.jsonl"]
    whole, dropped, refused = 0, 0, False
    while not refused:
        try:
            connection = http.client.HTTPConnection(*address_of(poller.url), timeout=HANG_S)
            connection.request("GET", "/api/results/files/profile_export.jsonl")
            reply = connection.getresponse()
            assert (reply.status, len(reply.read())) == (200, size)  # IncompleteRead where it is short
            whole += 1
            if whole == 10:
                running.signal(signal.SIGINT)
        except ConnectionRefusedError:
            refused = True
        except (ConnectionResetError, BrokenPipeError, http.client.RemoteDisconnected):
            dropped += 1  # connected in the very instant in which the listener went
        finally:
            connection.close()
    assert whole >= 10
    assert dropped <= 1
    poller.result()
    assert running.wait().exit_code == 0
