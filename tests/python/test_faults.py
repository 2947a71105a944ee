"""Connections that are cut, reset, or slow, over every way of reaching a server: no request is lost, nothing hangs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from command_support import answer, chat_script
from transport_support import Authority, FaultDoor, Gateway, TlsDoor, nghttpx

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Command, MockFactory

REQUESTS = 120
TYPED = {
    "ClientPayloadError",
    "ClientOSError",
    "ServerDisconnectedError",
    "ClientConnectorError",
    "ClientConnectorSSLError",
    "ClientResponseError",
    "Http2Error",
    "InvalidInferenceResultError",
}


def plan(number: int) -> tuple[int, str] | None:
    """Connection 0 is the probe's. Every fourth one is whole; the others break anywhere, in and between answers."""
    if number % 4 == 0:
        return None
    return 17 + (number * 331) % 6000, ("reset", "close", "crumbs")[number % 3]


@pytest.mark.parametrize("way", ["http/1.1", "tls", "http/2", "http/2 tls"])
@pytest.mark.parametrize("workers", ["1", "3"])
def test_every_request_ends_as_a_good_or_a_typed_record(
    command: Command, mock: MockFactory, tmp_path: Path, way: str, workers: str
) -> None:
    server = mock(chat_script(answer(["word "] * 20, first_ms=1, gap_ms=0)))
    port = server.port
    doors: list[FaultDoor | TlsDoor | Gateway] = []
    flags: list[str] = []
    scheme = "http"
    if "tls" in way:
        authority = Authority(tmp_path / "authority")
        certificate = authority.sign("server", "DNS:localhost")
        flags += ["--tls-ca-file", str(authority.certificate)]
        scheme = "https"
    try:
        if way.startswith("http/2"):
            doors.append(nghttpx(tmp_path / "nghttpx", port, certificate if "tls" in way else None))
            port = doors[-1].port
            flags += ["--http-version", "2", "--streams-per-connection", "4"]
        elif way == "tls":
            doors.append(TlsDoor(("127.0.0.1", port), certificate))
            port = doors[-1].port
        doors.append(FaultDoor(("127.0.0.1", port), plan))
        count = ["--request-count", str(REQUESTS), "--concurrency", "8", "--workers-max", workers]
        done = command.profile(f"{scheme}://localhost:{doors[-1].port}", *count, *flags)
        records = command.artifacts.records()
        assert len(records) == REQUESTS, done.stderr
        good = [record for record in records if "error" not in record]
        assert {record["error"]["type"] for record in records if "error" in record} <= TYPED
        assert 0 < len(good) < REQUESTS
        for record in good:
            assert record["metrics"]["output_sequence_length"]["value"] > 0
            assert record["metrics"]["usage_completion_tokens"]["value"] == 20
    finally:
        for door in reversed(doors):
            door.stop()
