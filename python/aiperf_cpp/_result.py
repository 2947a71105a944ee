"""What a finished run leaves: metrics with units, records as columns, files."""

from __future__ import annotations

import difflib
import html
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

from aiperf_cpp._config import RunConfig

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from aiperf_cpp import _core

    StructuredArray = npt.NDArray[np.void]

Status = Literal["running", "complete", "cancelled", "incomplete"]


@dataclass(frozen=True)
class Metric:
    """One metric of a run, in its display unit. A scalar has `avg` alone; the other statistics are None."""

    tag: str
    header: str
    unit: str
    avg: float
    min: float | None
    max: float | None
    std: float | None  #: population (ddof 0)
    p1: float | None
    p5: float | None
    p10: float | None
    p25: float | None
    p50: float | None
    p75: float | None
    p90: float | None
    p95: float | None
    p99: float | None
    count: int | None
    sum: float | None

    @property
    def value(self) -> float:
        """The value of a scalar; the mean of a distribution."""
        return self.avg

    @property
    def statistics(self) -> dict[str, float]:
        """Every statistic there is, by name."""
        return {name: value for name in STATISTICS if (value := getattr(self, name)) is not None}

    def __str__(self) -> str:
        return f"{self.header}: {', '.join(f'{n} {_number(v)}' for n, v in self.statistics.items())} {self.unit}"

    def _repr_html_(self) -> str:
        values = map(_number, self.statistics.values())
        return _table(["", *self.statistics], [[f"{self.header} ({self.unit})", *values]])


#: Statistics in the order they are shown.
STATISTICS = tuple(field.name for field in fields(Metric) if field.name not in {"tag", "header", "unit"})


@dataclass(frozen=True)
class ErrorCount:
    """How often one error happened. `code` is None where it has none."""

    code: int | None
    type: str
    message: str
    count: int


class Result:
    """What a finished run leaves.

    `result["time_to_first_token"].p99` is a number, `result.records` a structured NumPy array over the journal.
    """

    def __init__(self, core: _core.Result) -> None:
        self._core = core
        names = [field.name for field in fields(Metric)]
        self._metrics = {m.tag: Metric(**{n: getattr(m, n) for n in names}) for m in core.summary.metrics}
        self._records: StructuredArray | None = None

    @property
    def status(self) -> Status:
        """How the run ended: "complete", "cancelled", or "incomplete" (see `error`)."""
        return self._core.status

    @property
    def error(self) -> str:
        """Why the run is incomplete, or why everything failed; else empty."""
        return self._core.error

    @property
    def error_type(self) -> str:
        """The exception that profile() raises for it: "RunError" or "ProcessError"; empty without an error."""
        return self._core.error_type

    @property
    def exit_code(self) -> int:
        """What the command line would exit with: 0, 1 (no good answer) or 130 (cancelled)."""
        return self._core.exit_code

    @property
    def config(self) -> RunConfig:
        """What was asked for."""
        return RunConfig._from_core(self._core.config)

    @property
    def benchmark_id(self) -> str:
        """The run's name in every artifact: 12 hexadecimal digits."""
        return self._core.benchmark_id

    @property
    def valid(self) -> int:
        """Good answers; a warm-up's are not counted."""
        return self._core.summary.valid

    @property
    def failed(self) -> int:
        """Failed requests, cancelled ones included; a warm-up's are not counted."""
        return self._core.summary.failed

    @property
    def errors(self) -> list[ErrorCount]:
        """How many of each error, most frequent first."""
        return [ErrorCount(e.code, e.type, e.message, e.count) for e in self._core.summary.errors]

    @property
    def artifact_directory(self) -> Path:
        """Where the artifacts are."""
        return self._core.artifact_directory

    @property
    def artifacts(self) -> list[Path]:
        """The files written."""
        return self._core.artifacts

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """Every metric that has a value, by tag, in display order."""
        return dict(self._metrics)

    def __getitem__(self, tag: str) -> Metric:
        try:
            return self._metrics[tag]
        except KeyError:
            near = difflib.get_close_matches(tag, self._metrics, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise KeyError(f"this run has no metric {tag!r}{hint}") from None

    def __contains__(self, tag: object) -> bool:
        return tag in self._metrics

    def __iter__(self) -> Iterator[str]:
        return iter(self._metrics)

    def __len__(self) -> int:
        return len(self._metrics)

    @property
    def records(self) -> StructuredArray:
        """Every record as a read-only structured array over the journal's own memory, in start order.

        Warm-up included (`phase`); rows whose `state` is not 3 (committed) hold no finished request. Times are integer
        nanoseconds of the monotonic clock, 0 = did not happen; counts are -1 where they are not known.
        """
        if self._records is None:
            self._records = self._record_set.array()
        return self._records

    def events(self, index: int) -> StructuredArray:
        """The events of record `index`'s answer, as a read-only structured array over the journal's own memory."""
        return self._record_set.events(index)

    def output_text(self, index: int) -> str:
        """The output text of record `index`, "" where it was not kept."""
        return self._record_set.output_text(index)

    def reasoning_text(self, index: int) -> str:
        """The reasoning text of record `index`, "" where it was not kept."""
        return self._record_set.reasoning_text(index)

    def error_text(self, index: int) -> str:
        """The error body or message of record `index`, "" for a good answer."""
        return self._record_set.error_text(index)

    @property
    def _record_set(self) -> _core.RecordSet:
        records = self._core.records
        if records is None:
            raise ValueError("this run ended before it had records")
        return records

    def __repr__(self) -> str:
        return f"<Result {self.status}: {self.valid} good answers, {self.failed} failed, {len(self)} metrics>"

    def __str__(self) -> str:
        return self.console_text()

    def console_text(self, *, width: int = 140, ansi: bool = False) -> str:
        """The report of the command line: tables, errors, files. `width` in columns; `ansi`: with colours."""
        return self._core.console_text(width=width, ansi=ansi)

    def _repr_html_(self) -> str:
        shown = ["avg", "min", "max", "p99", "p90", "p50", "std"]
        rows = [
            [f"{m.header} ({m.unit})", *(_number(getattr(m, name)) for name in shown)] for m in self._metrics.values()
        ]
        errors = [[_number(e.code), e.type, e.message, str(e.count)] for e in self.errors]
        html_errors = _table(["code", "error", "message", "count"], errors) if errors else ""
        return f"<p>{html.escape(repr(self)[1:-1])}</p>" + _table(["", *shown], rows) + html_errors


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    def line(cells: Sequence[Any], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(str(cell))}</{tag}>" for cell in cells) + "</tr>"

    body = "".join(line(row, "td") for row in rows)
    return f"<table><thead>{line(head, 'th')}</thead><tbody>{body}</tbody></table>"
