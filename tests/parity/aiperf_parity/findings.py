"""Differences found by one comparison of two outcomes, and how many checks found none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Side = Literal["missing", "extra", "value"]


@dataclass
class Difference:
    """One kind of difference, counted.

    `where` is the path of what differs (`requests.headers.User-Agent`), `metric` the tag it belongs to, `side` whether
    ours lacks it, has it in excess, or has another value. `ours` and `golden` are the first example.
    """

    where: str
    side: Side
    golden: Any = None
    ours: Any = None
    metric: str | None = None
    count: int = 1

    def text(self) -> str:
        """One line for people."""
        times = f" ({self.count} times)" if self.count > 1 else ""
        if self.side == "missing":
            return f"{self.where}: missing{times}; golden has {shorten(self.golden)}"
        if self.side == "extra":
            return f"{self.where}: not in golden{times}: {shorten(self.ours)}"
        return f"{self.where}: golden {shorten(self.golden)}, ours {shorten(self.ours)}{times}"


@dataclass
class Findings:
    """Collects the outcome of checks. Equal differences (place, side, values alike or not) are counted once."""

    checks: int = 0
    differences: list[Difference] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def equal(self, where: str, golden: Any, ours: Any, metric: str | None = None) -> bool:
        """Checks equality in value and type (1 is not 1.0, True is not 1)."""
        self.checks += 1
        if same(golden, ours):
            return True
        self._note(Difference(where, "value", golden, ours, metric))
        return False

    def holds(self, where: str, condition: bool, expected: Any, ours: Any, metric: str | None = None) -> bool:
        """Checks a condition; `expected` says what should have been."""
        self.checks += 1
        if not condition:
            self._note(Difference(where, "value", expected, ours, metric))
        return condition

    def missing(self, where: str, golden: Any, metric: str | None = None) -> None:
        """Notes that ours lacks something."""
        self.checks += 1
        self._note(Difference(where, "missing", golden, None, metric))

    def extra(self, where: str, ours: Any, metric: str | None = None) -> None:
        """Notes that ours has something golden lacks."""
        self.checks += 1
        self._note(Difference(where, "extra", None, ours, metric))

    def skip(self, what: str) -> None:
        """Notes what was not compared, and why."""
        if what not in self.skipped:
            self.skipped.append(what)

    def _note(self, new: Difference) -> None:
        for known in self.differences:
            same_place = (known.where, known.side, known.metric) == (new.where, new.side, new.metric)
            same_values = same(known.golden, new.golden) and same(known.ours, new.ours)
            if same_place and (same_values or new.side != "value"):
                known.count += 1
                return
        self.differences.append(new)


def same(one: Any, other: Any) -> bool:
    """Equal in value and in JSON type, containers element by element, objects with the same order of keys."""
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    return type(one) is type(other) and one == other


def shorten(value: Any, limit: int = 160) -> str:
    """repr, cut in the middle where it is long."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 50]} ... {text[-45:]}"
