"""Whether the client itself distorted the numbers of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Verdict = Literal["valid", "suspect", "invalid"]


@dataclass(frozen=True)
class Evidence:
    """What was measured of one check, in `unit` ("ratio" or "ms"): `value`, or None where it could not be.

    A value above `suspect_above` makes the run suspect, one above `invalid_above` invalid; None: none does.
    """

    value: float | None
    unit: str
    suspect_above: float | None
    invalid_above: float | None


@dataclass(frozen=True)
class Reason:
    """A `check` whose `value` is above a `threshold`: the `level` it makes of the run, and a `message` for people."""

    check: str
    level: Verdict
    value: float
    threshold: float
    message: str


@dataclass(frozen=True)
class Validity:
    """The `verdict` on a run: "valid", "suspect" or "invalid"; its `reasons`; `evidence` has every check by name."""

    verdict: Verdict
    reasons: tuple[Reason, ...]
    evidence: Mapping[str, Evidence] = field(hash=False)

    @classmethod
    def _from_dict(cls, data: Mapping[str, Any]) -> Validity:
        return cls(
            verdict=data["verdict"],
            reasons=tuple(Reason(**reason) for reason in data["reasons"]),
            evidence={name: Evidence(**entry) for name, entry in data["evidence"].items()},
        )

    def __str__(self) -> str:
        return "\n".join([self.verdict, *(f"  * {reason.message}" for reason in self.reasons)])
