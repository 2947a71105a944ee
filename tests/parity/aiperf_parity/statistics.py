"""The statistics of the artifacts, by definition: linear percentiles, population deviation."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

PERCENTILES = (1, 5, 10, 25, 50, 75, 90, 95, 99)
RELATIVE = 1e-12


def percentile(ordered: Sequence[float], q: float) -> float:
    """Value at rank q/100*(n-1) of an ascending sequence, linear between neighbours."""
    rank = q / 100 * (len(ordered) - 1)
    low = min(int(rank), len(ordered) - 1)
    high = min(low + 1, len(ordered) - 1)
    share = rank - low
    step = ordered[high] - ordered[low]
    return ordered[high] - step * (1 - share) if share >= 0.5 else ordered[low] + step * share


def describe(values: Sequence[float]) -> dict[str, float]:
    """All statistics that a metric of many values exports, in the order of the export. Precondition: not empty."""
    ordered = sorted(values)
    count = len(ordered)
    total = math.fsum(ordered)
    mean = total / count
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in ordered) / count)
    result = {"avg": mean}
    result |= {f"p{q}": percentile(ordered, q) for q in PERCENTILES}
    result |= {"min": ordered[0], "max": ordered[-1], "std": deviation, "count": count, "sum": total}
    return result


def close(expected: float, value: float, relative: float = RELATIVE, absolute: float = 0.0) -> bool:
    """Equal within a relative (of the larger) or an absolute tolerance."""
    return math.isclose(expected, value, rel_tol=relative, abs_tol=absolute)
