"""A chat server for uvicorn: streamed where it is asked to be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

WORDS = ("one", " two", " three", " four")
USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}


def event(payload: Mapping[str, Any]) -> bytes:
    """A server-sent event."""
    return b"data: " + json.dumps({"object": "chat.completion.chunk", **payload}).encode() + b"\n\n"


async def app(
    scope: Mapping[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """The ASGI application."""
    assert scope["type"] == "http"
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    streamed = json.loads(body).get("stream", False)
    kind = b"text/event-stream" if streamed else b"application/json"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
    if streamed:
        for word in WORDS:
            data = event({"choices": [{"index": 0, "delta": {"content": word}}]})
            await send({"type": "http.response.body", "body": data, "more_body": True})
        end = event({"choices": [], "usage": USAGE}) + b"data: [DONE]\n\n"
        await send({"type": "http.response.body", "body": end})
    else:
        whole = {"object": "chat.completion", "choices": [{"message": {"content": "".join(WORDS)}}], "usage": USAGE}
        await send({"type": "http.response.body", "body": json.dumps(whole).encode()})
