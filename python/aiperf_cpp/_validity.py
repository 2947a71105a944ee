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


@dataclass(frozen=True)
class OwnShare:
    """The client's own share of a metric, in `unit`, by percentile ("p50", "p99").

    `own` was measured against a null server, `measured` by the run; `ratio` is own over measured, None where that is 0.
    """

    unit: str
    own: Mapping[str, float] = field(hash=False)
    measured: Mapping[str, float] = field(hash=False)
    ratio: Mapping[str, float | None] = field(hash=False)


@dataclass(frozen=True)
class Calibration:
    """What a load costs where the server takes no time, as `aiperf-cpp calibrate` has found.

    `requests_per_second` and `events_per_second` were achieved, at `cpu_us_per_request` of the workers' processor time;
    `metrics` has the client's own share of each metric by tag. Nothing of it is subtracted from a result.
    """

    requests_per_second: float
    events_per_second: float
    cpu_us_per_request: float
    metrics: Mapping[str, OwnShare] = field(hash=False)

    @classmethod
    def _from_dict(cls, data: Mapping[str, Any]) -> Calibration:
        return cls(
            requests_per_second=data["requests_per_second"],
            events_per_second=data["events_per_second"],
            cpu_us_per_request=data["cpu_us_per_request"],
            metrics={tag: OwnShare(**share) for tag, share in data["metrics"].items()},
        )
