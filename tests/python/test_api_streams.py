"""Live streams of the finished program's results server: /ws by the package `websockets`, /api/events by hand."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest
from command_support import HANG_S, chat_script
from ending_support import (
    UNHURRIED,
    address_of,
    both_backends,
    exchange,
    get,
    pass_time,
    start,
    start_long,
    wait_ended,
    wait_served,
)
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from command_support import Running
    from conftest import Command, MockFactory
    from ending_support import Poller

LIMIT = "AIPERF_API_SERVER_WEBSOCKET_MAX_CONNECTIONS"
UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@contextlib.contextmanager
def web_socket(url: str, query: str = "") -> Iterator[ClientConnection]:
    """A client of /ws."""
    place = url.replace("http://", "ws://") + "/ws" + query
    with connect(place, open_timeout=HANG_S, close_timeout=HANG_S) as client:
        yield client


def ask(client: ClientConnection, message: object) -> dict[str, Any]:
    """The answer to a message of the client's."""
    client.send(message if isinstance(message, str) else json.dumps(message))
    value: dict[str, Any] = json.loads(client.recv(HANG_S))
    return value


def subscribe(client: ClientConnection, *types: str) -> None:
    """Asks for these types of messages."""
    said = ask(client, {"type": "subscribe", "message_types": list(types)})
    assert said == {"type": "subscribed", "message_types": list(types)}


def messages_of(client: ClientConnection) -> tuple[list[dict[str, Any]], int]:
    """Everything up to the close, and its code."""
    messages: list[dict[str, Any]] = []
    try:
        while True:
            messages.append(json.loads(client.recv(HANG_S)))
    except ConnectionClosed as closed:
        return messages, closed.rcvd.code if closed.rcvd else 1006


def types_of(messages: list[dict[str, Any]]) -> list[str]:
    """Types in order, each once in a row."""
    seen: list[str] = []
    for message in messages:
        if not seen or seen[-1] != message["message_type"]:
            seen.append(message["message_type"])
    return seen


def events_of(stream: bytes) -> list[dict[str, str]]:
    """The events behind the head of an answer, as a browser would take them apart."""
    _, body = stream.split(b"\r\n\r\n", 1)
    events = []
    for block in body.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if line and not line.startswith(":"))
        if "data" in fields:
            events.append(fields)
    return events


def event_request(last_event_id: str | None = None, query: str = "") -> bytes:
    """What a client of /api/events sends."""
    head = f"GET /api/events{query} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nConnection: close\r\n"
    head += "" if last_event_id is None else f"Last-Event-ID: {last_event_id}\r\n"
    return f"{head}\r\n".encode()


def start_short(command: Command, mock: MockFactory, backend: str, grace: str) -> tuple[Running, Poller]:
    """A run of a few seconds, already served."""
    flags = ["--request-count", "60", "--concurrency", "4", "--backend", backend]
    running, poller = start(command, mock(chat_script(UNHURRIED)).url, grace, *flags)
    wait_served(running, poller)
    return running, poller


@both_backends
def test_a_web_socket_hears_the_run_to_its_end_and_is_closed_with_1001(
    backend: str, command: Command, mock: MockFactory
) -> None:
    running, poller = start_short(command, mock, backend, "1")
    with web_socket(poller.url) as client:
        subscribe(client, "*")
        messages, code = messages_of(client)
    assert code == 1001
    types = types_of(messages)
    assert types[-3:] == ["process_records_result", "results_exported", "benchmark_complete"]
    for earlier, later in (
        ("credit_phase_progress", "credit_phase_complete"),
        ("credit_phase_complete", "credits_complete"),
        ("credits_complete", "all_records_received"),
        ("all_records_received", "process_records_result"),
    ):
        assert types.index(earlier) < types.index(later)
    assert {"worker_health", "processing_stats", "realtime_metrics", "system_state_changed"} <= set(types)
    progress = [m["stats"]["requests_completed"] for m in messages if m["message_type"] == "credit_phase_progress"]
    assert progress == sorted(progress)
    assert progress[-1] == 60
    last = messages[-1]
    assert (last["status"], last["was_cancelled"], last["exit_code"]) == ("complete", False, 0)
    result = next(m for m in messages if m["message_type"] == "process_records_result")
    poller.result()
    assert running.wait().exit_code == 0
    body = poller.seen("complete")[0].body
    assert result["results"]["results"]["successful_request_count"] == 60
    assert (last["run_id"], last["seq"]) == (body["run_id"], body["seq"])


@both_backends
def test_who_subscribes_in_the_hold_is_told_the_end_at_once(backend: str, command: Command, mock: MockFactory) -> None:
    running, poller = start(command, mock(chat_script()).url, "60", "--request-count", "5", "--backend", backend)
    wait_ended(running, poller)
    with web_socket(poller.url) as client:
        subscribe(client, "realtime_metrics", "benchmark_complete")
        assert json.loads(client.recv(HANG_S))["message_type"] == "benchmark_complete"
        running.signal(signal.SIGINT)
        assert messages_of(client) == ([], 1001)
    poller.result()
    assert running.wait().exit_code == 0


@both_backends
def test_a_cancelled_run_says_so_in_its_last_message(backend: str, command: Command, mock: MockFactory) -> None:
    running, poller, _ = start_long(command, mock, "1", "--backend", backend)
    with web_socket(poller.url) as client:
        subscribe(client, "benchmark_complete")
        running.signal(signal.SIGINT)
        (last,), code = messages_of(client)
    assert (last["status"], last["was_cancelled"], last["exit_code"], code) == ("cancelled", True, 130, 1001)
    poller.result()
    assert running.wait().exit_code == 130


@both_backends
def test_events_come_to_the_end_of_the_run_and_can_be_gone_on_with(
    backend: str, command: Command, mock: MockFactory
) -> None:
    running, poller = start_short(command, mock, backend, "60")
    stream = exchange(poller.url, event_request("0"))
    assert b"\r\nContent-Type: text/event-stream\r\n" in stream
    events = events_of(stream)
    ids = [int(event["id"]) for event in events]
    assert ids == list(range(1, len(ids) + 1))
    assert all(json.loads(event["data"])["message_type"] == event["event"] for event in events)
    assert [event["event"] for event in events[-2:]] == ["results_exported", "benchmark_complete"]
    wait_ended(running, poller)
    again = events_of(exchange(poller.url, event_request(str(ids[-4]))))
    assert again == events[-3:]
    assert exchange(poller.url, event_request(str(ids[-1]))).startswith(b"HTTP/1.1 204 ")
    chosen = events_of(exchange(poller.url, event_request("0", "?types=credits_complete")))
    assert [event["event"] for event in chosen] == ["credits_complete", "benchmark_complete"]
    running.signal(signal.SIGINT)
    poller.result()
    assert running.wait().exit_code == 0


@both_backends
def test_the_limit_of_streams_is_the_environments(backend: str, command: Command, mock: MockFactory) -> None:
    running, poller = start(
        command, mock(chat_script()).url, "60", "--request-count", "5", "--backend", backend, env={LIMIT: "1"}
    )
    wait_ended(running, poller)
    with web_socket(poller.url) as first:
        assert ask(first, {"type": "ping"}) == {"type": "pong"}
        with web_socket(poller.url) as second:
            assert messages_of(second) == ([], 1013)
        assert get(poller.url + "/api/events")[0] == 503
        assert ask(first, {"type": "ping"}) == {"type": "pong"}
    running.signal(signal.SIGINT)
    poller.result()
    assert running.wait().exit_code == 0


@both_backends
def test_bad_clients_are_told_why_and_do_not_lengthen_the_tail(
    backend: str, command: Command, mock: MockFactory
) -> None:
    running, poller = start(command, mock(chat_script()).url, "60", "--request-count", "5", "--backend", backend)
    wait_ended(running, poller)
    with web_socket(poller.url) as client:
        assert ask(client, "not json")["type"] == "error"
        assert ask(client, [1]) == {"type": "error", "message": "Payload must be a JSON object"}
        client.send(b"bytes")
        assert messages_of(client) == ([], 1003)
    with pytest.raises(InvalidStatus) as refused, web_socket(poller.url, "?run_id=ffffffffffff"):
        pass
    assert refused.value.response.status_code == 409
    with socket.create_connection(address_of(poller.url), timeout=HANG_S) as never_reads:
        never_reads.sendall(UPGRADE)
        assert never_reads.recv(65536).startswith(b"HTTP/1.1 101 ")
        running.signal(signal.SIGINT)
        poller.result()
        refused_at = time.monotonic()
        assert running.wait().exit_code == 0
        assert time.monotonic() - refused_at < 20


@both_backends
def test_hundreds_who_wait_for_the_end_are_all_told_it_in_the_hold(
    backend: str, command: Command, mock: MockFactory
) -> None:
    running, poller, _ = start_long(command, mock, "60", "--backend", backend)
    body = b'{"type":"subscribe","message_types":["benchmark_complete"]}'
    subscription = bytes([0x81, 0x80 | len(body)]) + b"\0\0\0\0" + body
    poll = b"GET /api/results?wait=300 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with contextlib.ExitStack() as stack:

        def client(request: bytes) -> socket.socket:
            made = stack.enter_context(socket.create_connection(address_of(poller.url), timeout=HANG_S))
            made.sendall(request)
            return made

        def read_until(client: socket.socket, end: bytes) -> None:
            got = b""
            while end not in got:
                piece = client.recv(65536)
                assert piece, got[-200:]
                got += piece

        sockets = [client(UPGRADE) for _ in range(60)]
        for each in sockets:
            read_until(each, b"\r\n\r\n")
            each.sendall(subscription)
        streams = [client(event_request(query="?types=none")) for _ in range(40)]
        polls = [client(poll) for _ in range(200)]
        for each in streams:
            read_until(each, b"retry: ")
        running.signal(signal.SIGINT)
        for each in sockets + streams:
            read_until(each, b'"status":"cancelled"')
        for each in polls:
            read_until(each, b'"status":"cancelled"')
        wait_ended(running, poller)
        running.signal(signal.SIGINT)
    poller.result()
    assert running.wait().exit_code == 130


def test_a_client_that_goes_away_is_missed_by_nobody(command: Command, mock: MockFactory) -> None:
    running, poller, _ = start_long(command, mock, "0", "--backend", "process")
    for _ in range(5):
        with web_socket(poller.url) as client:
            subscribe(client, "*")
            client.socket.shutdown(socket.SHUT_RDWR)
    pass_time(0.3)
    running.signal(signal.SIGINT)
    poller.result()
    assert running.wait().exit_code == 130
