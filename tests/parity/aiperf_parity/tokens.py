"""Token counts by the reference implementation of Hugging Face tokenizers."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path


class TokenCounter(Protocol):
    """Counts the tokens of a text, without special tokens."""

    def __call__(self, text: str) -> int: ...


def load_counter(directory: Path | None) -> TokenCounter | None:
    """Counter over `directory`/tokenizer.json; None when there is no file or the package is not installed."""
    if directory is None or not (directory / "tokenizer.json").is_file():
        return None
    try:
        library = import_module("tokenizers")
    except ImportError:
        return None
    tokenizer = library.Tokenizer.from_file(str(directory / "tokenizer.json"))

    @cache
    def count(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False).ids)

    return count
