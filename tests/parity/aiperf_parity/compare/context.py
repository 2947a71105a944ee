"""What every comparison is given, and helpers they share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..findings import Findings, same

if TYPE_CHECKING:
    from ..case import Case
    from ..outcome import Outcome
    from ..tokens import TokenCounter


@dataclass
class Context:
    """One case, what our program did with it, and where to note what differs.

    A single measured time may be off by `time_tolerance_ms` either way (the server stamps after it has written, and may
    be late in that itself); the nearest of a run must be within `best_time_ms`.
    """

    case: Case
    ours: Outcome
    findings: Findings
    count_tokens: TokenCounter | None = None
    workers: int = 1
    time_tolerance_ms: float = 60.0
    best_time_ms: float = 4.0

    @property
    def golden(self) -> Outcome:
        """What the recorded program did."""
        return self.case.golden


def deep_equal(findings: Findings, where: str, golden: Any, ours: Any) -> None:
    """Compares JSON values; each difference is noted at its own path (list indices left out)."""
    if isinstance(golden, dict) and isinstance(ours, dict):
        _objects(findings, where, golden, ours)
    elif isinstance(golden, list) and isinstance(ours, list) and len(golden) == len(ours):
        for one, other in zip(golden, ours, strict=True):
            deep_equal(findings, f"{where}[]", one, other)
    else:
        findings.equal(where, golden, ours)


def _objects(findings: Findings, where: str, golden: dict[str, Any], ours: dict[str, Any]) -> None:
    for key, value in golden.items():
        if key not in ours:
            findings.missing(f"{where}.{key}", value)
        elif not same(value, ours[key]):
            deep_equal(findings, f"{where}.{key}", value, ours[key])
        else:
            findings.checks += 1
    for key, value in ours.items():
        if key not in golden:
            findings.extra(f"{where}.{key}", value)
    common = [key for key in golden if key in ours]
    findings.equal(f"{where}.order", common, [key for key in ours if key in golden])
