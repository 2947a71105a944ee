"""The numbers of a run: metrics with units, counts of errors."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from aiperf_cpp._show import html_table, number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiperf_cpp import _core


@dataclass(frozen=True)
class Metric:
    """One metric of a run, in its display unit.

    `tag` is its name in every artifact, `header` the one for people, `unit` that of all its values but `count`. A
    scalar has `avg` alone. Of a distribution there are `min`, `max`, `std` (population, ddof 0), the percentiles `p1`,
    `p5`, `p10`, `p25`, `p50`, `p75`, `p90`, `p95`, `p99`, `count` (values) and `sum`; they are None for a scalar.
    `intervals` has bounds of each percentile by its name, (low, high): each holds with 99 % confidence whatever the
    distribution; None is a bound that so few values do not give. AIPerf's own files have no intervals.
    """

    tag: str
    header: str
    unit: str
    avg: float
    min: float | None = None
    max: float | None = None
    std: float | None = None
    p1: float | None = None
    p5: float | None = None
    p10: float | None = None
    p25: float | None = None
    p50: float | None = None
    p75: float | None = None
    p90: float | None = None
    p95: float | None = None
    p99: float | None = None
    count: int | None = None
    sum: float | None = None
    intervals: Mapping[str, tuple[float | None, float | None]] | None = field(default=None, hash=False, repr=False)

    @classmethod
    def _from_core(cls, core: _core.Metric) -> Metric:
        return cls(**{each.name: getattr(core, each.name) for each in fields(cls)})

    @property
    def value(self) -> float:
        """The value of a scalar; the mean of a distribution."""
        return self.avg

    @property
    def statistics(self) -> dict[str, float]:
        """Every statistic there is, by name."""
        return {name: value for name in STATISTICS if (value := getattr(self, name)) is not None}

    def __str__(self) -> str:
        return f"{self.header}: {', '.join(f'{n} {number(v)}' for n, v in self.statistics.items())} {self.unit}"

    def _repr_html_(self) -> str:
        values = map(number, self.statistics.values())
        return html_table(["", *self.statistics], [[f"{self.header} ({self.unit})", *values]])


#: Statistics in the order they are shown.
STATISTICS = tuple(each.name for each in fields(Metric) if each.name not in {"tag", "header", "unit", "intervals"})


@dataclass(frozen=True)
class ErrorCount:
    """How often one error happened: its `code` (None where it has none), `type`, `message`, and the `count`."""

    code: int | None
    type: str
    message: str
    count: int
