"""What a finished run leaves: metrics with units, records as columns, files."""

from __future__ import annotations

import difflib
import html
from typing import TYPE_CHECKING, NoReturn

from aiperf_cpp import _tables
from aiperf_cpp._show import html_table, number
from aiperf_cpp._sources import SHOWN, StoredSource

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import pandas as pd
    import polars as pl
    import pyarrow as pa
    from typing_extensions import Self

    from aiperf_cpp._config import RunConfig
    from aiperf_cpp._metric import ErrorCount, Metric
    from aiperf_cpp._sources import Source, Status, StructuredArray
    from aiperf_cpp._validity import Calibration, Validity


class Result:
    """What a finished run leaves; it cannot be changed.

    `result["time_to_first_token"].p99` is a number, `result.records` a structured NumPy array over the journal.

    A pickle of it holds a copy of all records (192 bytes each), the table of to_pandas() (about 500 bytes a record) and
    the texts of errors, but no events and no texts of answers; keys and credentials of its configuration are redacted.
    """

    __slots__ = ("__weakref__", "_records", "_source")

    _records: StructuredArray | None
    _source: Source

    def __init__(self, source: Source) -> None:
        object.__setattr__(self, "_source", source)
        object.__setattr__(self, "_records", None)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a Result cannot be changed, nor can its {name}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a Result cannot be changed, nor can its {name}")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[type[Self], tuple[StoredSource]]:
        source = self._source
        return type(self), (source if isinstance(source, StoredSource) else StoredSource.of(source),)

    @property
    def status(self) -> Status:
        """How the run ended: "complete", "cancelled", or "incomplete" (see `error`)."""
        return self._source.status

    @property
    def error(self) -> str:
        """Why the run is incomplete, or why everything failed; else empty."""
        return self._source.error

    @property
    def error_type(self) -> str:
        """The exception that profile() raises for it: "RunError" or "ProcessError"; empty without an error."""
        return self._source.error_type

    @property
    def exit_code(self) -> int:
        """What the command line would exit with: 0, 1 (no good answer), 3 (a verdict of fail_on), 130 (cancelled)."""
        return self._source.exit_code

    @property
    def config(self) -> RunConfig:
        """What was asked for."""
        return self._source.config

    @property
    def benchmark_id(self) -> str:
        """The run's name in every artifact: 12 hexadecimal digits."""
        return self._source.benchmark_id

    @property
    def valid(self) -> int:
        """Good answers; a warm-up's are not counted."""
        return self._source.valid

    @property
    def failed(self) -> int:
        """Failed requests, cancelled ones included; a warm-up's are not counted."""
        return self._source.failed

    @property
    def errors(self) -> list[ErrorCount]:
        """How many of each error, most frequent first."""
        return list(self._source.errors)

    @property
    def artifact_directory(self) -> Path:
        """Where the artifacts are."""
        return self._source.artifact_directory

    @property
    def artifacts(self) -> list[Path]:
        """The files written."""
        return list(self._source.artifacts)

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """Every metric that has a value, by tag, in display order."""
        return dict(self._source.metrics)

    @property
    def validity(self) -> Validity | None:
        """Whether the client itself distorted the numbers, and the evidence; None for files of AIPerf's."""
        return self._source.validity

    @property
    def calibration(self) -> Calibration | None:
        """The client's own share of what was measured; None where `aiperf-cpp calibrate` was not run for this load."""
        return self._source.calibration

    def __getitem__(self, tag: str) -> Metric:
        try:
            return self._source.metrics[tag]
        except KeyError:
            near = difflib.get_close_matches(tag, self._source.metrics, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise KeyError(f"this run has no metric {tag!r}{hint}") from None

    def __contains__(self, tag: object) -> bool:
        return tag in self._source.metrics

    def __iter__(self) -> Iterator[str]:
        return iter(self._source.metrics)

    def __len__(self) -> int:
        return len(self._source.metrics)

    @property
    def records(self) -> StructuredArray:
        """Every record as a read-only structured array over the journal's own memory, in start order.

        Warm-up included (`phase`); rows whose `state` is not 3 (committed) hold no finished request. Times are integer
        nanoseconds of the monotonic clock, 0 = did not happen; counts are -1 where they are not known. An unpickled
        result has a copy. One that was loaded from files alone has a row per line of profile_export.jsonl, with the
        columns of to_pandas(). Raises ValueError where there are none.
        """
        if self._records is None:
            object.__setattr__(self, "_records", self._source.records())
        assert self._records is not None
        return self._records

    def events(self, index: int) -> StructuredArray:
        """The events of record `index`'s answer, as a read-only structured array over the journal's own memory.

        Raises ValueError where the journal is not there, as the texts of answers do.
        """
        return self._source.events(index)

    def output_text(self, index: int) -> str:
        """The output text of record `index`, "" where it was not kept."""
        return self._source.output_text(index)

    def reasoning_text(self, index: int) -> str:
        """The reasoning text of record `index`, "" where it was not kept."""
        return self._source.reasoning_text(index)

    def error_text(self, index: int) -> str:
        """The error body or message of record `index`, "" for a good answer."""
        return self._source.error_text(index)

    def to_pandas(self) -> pd.DataFrame:
        """A data frame with a row per finished request, warm-up included; the index is its slot: its row in `records`.

        Columns are the fields of `records`, every metric of single requests with its unit ("time_to_first_token_ms",
        NaN where a request has none), and `error_text`. A result loaded from AIPerf's files has the metadata of their
        lines instead of the fields. Needs pandas: pip install "aiperf-cpp[pandas]".
        """
        return _tables.to_pandas(*self._source.table())

    def to_arrow(self) -> pa.Table:
        """The table of to_pandas() as an Arrow table, `slot` first; null where a request has no value.

        Needs pyarrow: pip install "aiperf-cpp[arrow]".
        """
        return _tables.to_arrow(*self._source.table())

    def to_polars(self) -> pl.DataFrame:
        """The table of to_pandas() as a Polars data frame, `slot` first; null where a request has no value.

        Needs Polars: pip install "aiperf-cpp[polars]".
        """
        return _tables.to_polars(*self._source.table())

    def __repr__(self) -> str:
        return f"<Result {self.status}: {self.valid} good answers, {self.failed} failed, {len(self)} metrics>"

    def __str__(self) -> str:
        return self.console_text()

    def console_text(self, *, width: int = 140, ansi: bool = False) -> str:
        """The report of the command line: tables, errors, files. `width` in columns; `ansi`: with colours.

        Without the journal (unpickled, or loaded from files alone) it is a plain table, whatever these say.
        """
        return self._source.console_text(width=width, ansi=ansi)

    def _repr_html_(self) -> str:
        rows = [
            [f"{m.header} ({m.unit})", *(number(getattr(m, name)) for name in SHOWN)] for m in self.metrics.values()
        ]
        errors = [[number(e.code), e.type, e.message, str(e.count)] for e in self.errors]
        html_errors = html_table(["code", "error", "message", "count"], errors) if errors else ""
        return f"<p>{html.escape(repr(self)[1:-1])}</p>" + html_table(["", *SHOWN], rows) + html_errors
