"""Runs against a real server for the tests, and the table of what they have measured."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "parity"), str(TESTS / "python")]

from real_support import benchmarks  # noqa: E402 (helpers live in folders of their own)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from real_support import Run, Server

Row = tuple[str, str, str]
FIGURES = pytest.StashKey[list[Row]]()


@pytest.fixture
def note_figure(request: pytest.FixtureRequest) -> Callable[[str, str, str], None]:
    """Adds a row to the table printed at the end: what, ours, what it is compared with."""
    rows = request.config.stash.setdefault(FIGURES, [])
    return lambda what, ours, other: rows.append((what, ours, other))


@pytest.fixture
def benchmark_of(server: Server, tmp_path: Path) -> Iterator[Callable[..., Run]]:
    """Runs aiperf-cpp against the server of the test's module; every request must succeed."""
    with benchmarks(server, tmp_path) as run:
        yield run


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Prints the table."""
    rows = config.stash.get(FIGURES, [])
    if rows:
        terminalreporter.section("a real LLM server: figures")
        for what, ours, other in [("", "aiperf-cpp", "compared with"), *rows]:
            terminalreporter.write_line(f"{what:44}  {ours:>22}  {other}")
