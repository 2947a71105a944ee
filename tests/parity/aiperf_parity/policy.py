"""The one list of differences that are meant, and of what does not exist yet."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .findings import Difference, Findings

DEFAULT_FILE = Path(__file__).resolve().parent.parent / "exceptions.json"
KEYS = {"field", "metric", "side", "ending", "golden", "ours", "reason"}


@dataclass(frozen=True)
class Rule:
    """One entry: which differences it covers, and why.

    `field` and `metric` are shell patterns on the place and on the metric's tag. `side`, `ending` narrow it further;
    `golden` and `ours` are regular expressions that the whole value must match (text as it is, all else as JSON).
    """

    reason: str
    field: str | None = None
    metric: str | None = None
    side: str | None = None
    ending: tuple[str, ...] = ()
    golden: str | None = None
    ours: str | None = None

    def covers(self, difference: Difference, ending: str) -> bool:
        """Whether this entry speaks of `difference` in a run that ended so."""
        if self.field is not None and not fnmatchcase(difference.where, self.field):
            return False
        if self.metric is not None and not fnmatchcase(difference.metric or "", self.metric):
            return False
        if self.side is not None and self.side != difference.side:
            return False
        if self.ending and ending not in self.ending:
            return False
        return _matches(self.golden, difference.golden) and _matches(self.ours, difference.ours)


def _matches(pattern: str | None, value: Any) -> bool:
    if pattern is None:
        return True
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return re.fullmatch(pattern, text, re.DOTALL) is not None


@dataclass
class Verdict:
    """Findings of one run, sorted by the policy."""

    failed: list[Difference] = field(default_factory=list)
    allowed: list[tuple[Difference, Rule]] = field(default_factory=list)
    not_yet: list[tuple[Difference, Rule]] = field(default_factory=list)


@dataclass(frozen=True)
class Policy:
    """The entries of exceptions.json."""

    differences: tuple[Rule, ...]
    not_yet: tuple[Rule, ...]

    @classmethod
    def load(cls, path: Path = DEFAULT_FILE) -> Policy:
        """Reads the file. Raises ValueError for an entry without a reason, without a place, or with an unknown key."""
        data = json.loads(path.read_text(encoding="utf-8"))
        unknown = set(data) - {"about", "differences", "not_yet"}
        if unknown:
            raise ValueError(f"{path}: unknown sections {sorted(unknown)}")
        return cls(
            differences=tuple(_rule(entry, path) for entry in data["differences"]),
            not_yet=tuple(_rule(entry, path) for entry in data["not_yet"]),
        )

    def judge(self, findings: Findings, ending: str) -> Verdict:
        """Sorts differences: meant, not yet there (only what ours lacks), or failed."""
        verdict = Verdict()
        for difference in findings.differences:
            meant = next((rule for rule in self.differences if rule.covers(difference, ending)), None)
            later = next((rule for rule in self.not_yet if rule.covers(difference, ending)), None)
            if meant is not None:
                verdict.allowed.append((difference, meant))
            elif later is not None and difference.side == "missing":
                verdict.not_yet.append((difference, later))
            else:
                verdict.failed.append(difference)
        return verdict


def _rule(entry: dict[str, Any], path: Path) -> Rule:
    unknown = set(entry) - KEYS
    if unknown:
        raise ValueError(f"{path}: unknown keys {sorted(unknown)} in {entry}")
    if not str(entry.get("reason", "")).strip():
        raise ValueError(f"{path}: no reason in {entry}")
    if not entry.get("field") and not entry.get("metric"):
        raise ValueError(f"{path}: neither field nor metric in {entry}")
    return Rule(**{**entry, "ending": tuple(entry.get("ending", ()))})
