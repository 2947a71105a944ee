"""Shows the figures that the tests against a real server have measured."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "parity"), str(TESTS / "python")]

if TYPE_CHECKING:
    from collections.abc import Callable

Row = tuple[str, str, str]
FIGURES = pytest.StashKey[list[Row]]()


@pytest.fixture
def note_figure(request: pytest.FixtureRequest) -> Callable[[str, str, str], None]:
    """Adds a row to the table printed at the end: what, ours, what it is compared with."""
    rows = request.config.stash.setdefault(FIGURES, [])
    return lambda what, ours, other: rows.append((what, ours, other))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Prints the table."""
    rows = config.stash.get(FIGURES, [])
    if rows:
        terminalreporter.section("a real LLM server: figures")
        for what, ours, other in [("", "aiperf-cpp", "compared with"), *rows]:
            terminalreporter.write_line(f"{what:44}  {ours:>22}  {other}")
