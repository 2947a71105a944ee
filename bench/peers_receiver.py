"""A server for bench/peers.py that stamps requests as they arrive, by the kernel's stamps on its sockets.

Prints its port. When its input ends, prints the instants at which requests that post something came, in ns of the wall
clock, one a line. A request is dated by its first bytes. Answers are a chat completion, or a stream of 16 tokens where
the request asks for one; whatever is asked by GET is answered with a list of one model.

Unlike the receiver of bench/send_floor.cpp it gives what tools ask for before they send, and streams.
"""

from __future__ import annotations

import json
import re
import select
import socket
import struct
import sys
import time

SO_TIMESTAMPNS = 35
ROOM = socket.CMSG_SPACE(16)
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
WANTS_STREAM = re.compile(rb'"stream": *true')
USAGE = {"prompt_tokens": 16, "completion_tokens": 16, "total_tokens": 32}


def chunk(choices: list[dict[str, object]], **more: object) -> bytes:
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return b"data: " + json.dumps(head | {"choices": choices} | more).encode() + b"\n\n"


def stream() -> bytes:
    events = [chunk([{"index": 0, "delta": {"content": f" word{i}"}, "finish_reason": None}]) for i in range(16)]
    events.append(chunk([{"index": 0, "delta": {}, "finish_reason": "stop"}]))
    events.append(chunk([], usage=USAGE))
    return b"".join(events) + b"data: [DONE]\n\n"


def response(kind: str, body: bytes) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


MESSAGE = {"role": "assistant", "content": " word" * 16}
COMPLETION = {
    "id": "c", "object": "chat.completion", "created": 1, "model": "m", "usage": USAGE,
    "choices": [{"index": 0, "message": MESSAGE, "finish_reason": "stop"}],
}  # fmt: skip
MODELS = {"object": "list", "data": [{"id": "m", "object": "model", "created": 1, "owned_by": "bench"}]}
PLAIN_ANSWER = response("application/json", json.dumps(COMPLETION).encode())
STREAM_ANSWER = response("text/event-stream", stream())
GET_ANSWER = response("application/json", json.dumps(MODELS).encode())


class Connection:
    """One client: what it has sent of a request so far, and when that began."""

    def __init__(self, peer: socket.socket) -> None:
        self.peer = peer
        self.bytes = b""
        self.began = 0

    def read(self, stamps: list[int]) -> bool:
        """Answers what is complete; false when the client has left."""
        try:
            data, control, _, _ = self.peer.recvmsg(1 << 16, ROOM)
        except (BlockingIOError, ConnectionResetError) as error:
            return isinstance(error, BlockingIOError)
        if not data:
            return False
        if not self.bytes:
            self.began = time.time_ns()
            if control:
                seconds, rest = struct.unpack("qq", control[0][2])
                self.began = seconds * 10**9 + rest
        self.bytes += data
        while self.take(stamps):
            pass
        return True

    def take(self, stamps: list[int]) -> bool:
        """Answers the request that is complete, if one is."""
        end = self.bytes.find(b"\r\n\r\n")
        if end < 0:
            return False
        found = LENGTH.search(self.bytes, 0, end)
        size = end + 4 + (int(found[1]) if found else 0)
        if len(self.bytes) < size:
            return False
        answer = GET_ANSWER
        if self.bytes.startswith(b"POST"):
            stamps.append(self.began)
            answer = STREAM_ANSWER if WANTS_STREAM.search(self.bytes, end, size) else PLAIN_ANSWER
        self.bytes = self.bytes[size:]
        self.peer.send(answer)
        return True


def serve(listener: socket.socket, stamps: list[int]) -> None:
    """Until the input ends."""
    epoll = select.epoll()
    epoll.register(sys.stdin.fileno(), select.EPOLLIN)
    epoll.register(listener.fileno(), select.EPOLLIN)
    connections: dict[int, Connection] = {}
    while True:
        for fd, _ in epoll.poll():
            if fd == sys.stdin.fileno():
                return
            if fd == listener.fileno():
                peer, _ = listener.accept()
                peer.setblocking(False)
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                peer.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
                connections[peer.fileno()] = Connection(peer)
                epoll.register(peer.fileno(), select.EPOLLIN)
            elif not connections[fd].read(stamps):
                connections.pop(fd).peer.close()


def main() -> None:
    stamps: list[int] = []
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listener:
        print(listener.getsockname()[1], flush=True)
        serve(listener, stamps)
    print(*sorted(stamps), sep="\n")


if __name__ == "__main__":
    main()
