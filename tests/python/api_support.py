"""What the tests of the Python package share: short runs against a mock server."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

import pytest
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


def hide(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    """Makes a module look as if it were not installed."""
    for name in [name for name in sys.modules if name.split(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)

    class Hidden:
        def find_spec(self, name: str, *_: Any) -> None:
            if name == module:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(sys, "meta_path", [Hidden(), *sys.meta_path])
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module(module)
