"""What the tests of the Python package share: short runs against a mock server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from command_support import TOKENIZER, Mock

if TYPE_CHECKING:
    from pathlib import Path

#: An answer that begins at once and does not end: what was sent stays in flight.
ENDLESS = ("--ttft-ms", "1", "--itl-ms", "1000", "--output-tokens", "100000", "--ignore-max-tokens")

#: Eight tokens within about 20 ms.
SHORT = ("--ttft-ms", "10", "--itl-ms", "1", "--output-tokens", "8")


def options(mock: Mock, directory: Path, **more: Any) -> dict[str, Any]:
    """A streaming chat run of short prompts, with its artifacts in `directory`."""
    common = {
        "url": mock.host,
        "model": "m",
        "streaming": True,
        "tokenizer": TOKENIZER,
        "isl": 12,
        "random_seed": 1,
        "artifact_directory": directory,
    }
    return common | more
