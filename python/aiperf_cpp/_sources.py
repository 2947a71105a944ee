"""Where a Result has its values from: the compiled part, or values that were kept."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NoReturn, Protocol

import numpy as np
import numpy.typing as npt

from aiperf_cpp import _core
from aiperf_cpp._config import RunConfig
from aiperf_cpp._metric import ErrorCount, Metric
from aiperf_cpp._show import number, text_table
from aiperf_cpp._tables import column_name
from aiperf_cpp._validity import Calibration, Validity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

StructuredArray = npt.NDArray[np.void]
Columns = dict[str, npt.NDArray[Any]]
Status = Literal["running", "complete", "cancelled", "incomplete"]

#: Columns shown of a distribution.
SHOWN = ("avg", "min", "max", "p99", "p90", "p50", "std")

COMMITTED = 3
#: Fields of a record that mean something only beside the journal's other files.
_INTERNAL = frozenset({"state", "events_offset", "text_offset"})


class Source(Protocol):
    """What a Result shows. Texts, events and records raise ValueError where they are not there."""

    @property
    def status(self) -> Status: ...
    @property
    def error(self) -> str: ...
    @property
    def error_type(self) -> str: ...
    @property
    def exit_code(self) -> int: ...
    @property
    def config(self) -> RunConfig: ...
    @property
    def benchmark_id(self) -> str: ...
    @property
    def valid(self) -> int: ...
    @property
    def failed(self) -> int: ...
    @property
    def errors(self) -> Sequence[ErrorCount]: ...
    @property
    def artifact_directory(self) -> Path: ...
    @property
    def artifacts(self) -> Sequence[Path]: ...
    @property
    def metrics(self) -> Mapping[str, Metric]: ...
    @property
    def validity(self) -> Validity | None: ...
    @property
    def calibration(self) -> Calibration | None: ...

    def records(self) -> StructuredArray: ...
    def table(self) -> tuple[npt.NDArray[np.int64], Columns]: ...
    def events(self, index: int) -> StructuredArray: ...
    def output_text(self, index: int) -> str: ...
    def reasoning_text(self, index: int) -> str: ...
    def error_text(self, index: int) -> str: ...
    def error_texts(self) -> dict[int, str]: ...
    def console_text(self, *, width: int, ansi: bool) -> str: ...


class CoreSource:
    """A result of the compiled part, with the journal behind it."""

    def __init__(self, core: _core.Result) -> None:
        self._core = core
        summary = core.summary
        self.status: Status = core.status
        self.error = core.error
        self.error_type = core.error_type
        self.exit_code = core.exit_code
        self.config = RunConfig._from_core(core.config)
        self.benchmark_id = core.benchmark_id
        self.valid = summary.valid
        self.failed = summary.failed
        self.errors = tuple(ErrorCount(e.code, e.type, e.message, e.count) for e in summary.errors)
        self.artifact_directory = core.artifact_directory
        self.artifacts = tuple(core.artifacts)
        self.metrics = {metric.tag: Metric._from_core(metric) for metric in summary.metrics}
        self.validity: Validity | None = Validity._from_dict(json.loads(core.validity_json()))
        calibration = core.calibration_json()
        self.calibration = Calibration._from_dict(json.loads(calibration)) if calibration else None

    def records(self) -> StructuredArray:
        return self._record_set.array()

    def table(self) -> tuple[npt.NDArray[np.int64], Columns]:
        records = self.records()
        slots = np.flatnonzero(records["state"] == COMMITTED).astype(np.int64)
        columns: Columns = {name: records[name][slots] for name in records.dtype.names or () if name not in _INTERNAL}
        values, units = self._core.metric_columns(), _core.metric_units()
        columns |= {column_name(tag, units[tag]): values[tag][slots] for tag in units if tag in values}
        texts = self.error_texts()
        columns["error_text"] = np.array([texts.get(slot, "") for slot in slots.tolist()], dtype=object)
        return slots, columns

    def events(self, index: int) -> StructuredArray:
        return self._record_set.events(index)

    def output_text(self, index: int) -> str:
        return self._record_set.output_text(index)

    def reasoning_text(self, index: int) -> str:
        return self._record_set.reasoning_text(index)

    def error_text(self, index: int) -> str:
        return self._record_set.error_text(index)

    def error_texts(self) -> dict[int, str]:
        texts = ((slot, self.error_text(slot)) for slot in np.flatnonzero(self.records()["error"]).tolist())
        return {slot: text for slot, text in texts if text}

    def console_text(self, *, width: int, ansi: bool) -> str:
        return self._core.console_text(width=width, ansi=ansi)

    @property
    def _record_set(self) -> _core.RecordSet:
        records = self._core.records
        if records is None:
            raise ValueError("this run ended before it had records")
        return records


@dataclass(frozen=True)
class StoredSource:
    """The values of a result without the journal behind it: what a pickle holds."""

    status: Status
    error: str
    error_type: str
    exit_code: int
    config: RunConfig
    benchmark_id: str
    valid: int
    failed: int
    errors: tuple[ErrorCount, ...]
    artifact_directory: Path
    artifacts: tuple[Path, ...]
    metrics: dict[str, Metric]
    validity: Validity | None
    calibration: Calibration | None
    kept_records: StructuredArray | None = field(repr=False)
    kept_table: tuple[npt.NDArray[np.int64], Columns] | None = field(repr=False)
    kept_error_texts: dict[int, str] = field(repr=False)

    @classmethod
    def of(cls, source: Source) -> StoredSource:
        """A copy of what a source has; keys and credentials of its configuration are redacted."""
        try:
            records, table, texts = source.records().copy(), source.table(), source.error_texts()
        except ValueError:
            records, table, texts = None, None, {}
        return cls(
            status=source.status,
            error=source.error,
            error_type=source.error_type,
            exit_code=source.exit_code,
            config=RunConfig._restore(source.config.to_json()),
            benchmark_id=source.benchmark_id,
            valid=source.valid,
            failed=source.failed,
            errors=tuple(source.errors),
            artifact_directory=source.artifact_directory,
            artifacts=tuple(source.artifacts),
            metrics=dict(source.metrics),
            validity=source.validity,
            calibration=source.calibration,
            kept_records=records,
            kept_table=table,
            kept_error_texts=texts,
        )

    def records(self) -> StructuredArray:
        if self.kept_records is None:
            raise ValueError("this run ended before it had records")
        self.kept_records.flags.writeable = False  # a pickle does not say so
        return self.kept_records

    def table(self) -> tuple[npt.NDArray[np.int64], Columns]:
        if self.kept_table is None:
            raise ValueError("this run ended before it had records")
        return self.kept_table

    def events(self, index: int) -> StructuredArray:
        _missing("events", index)

    def output_text(self, index: int) -> str:
        _missing("output texts", index)

    def reasoning_text(self, index: int) -> str:
        _missing("reasoning texts", index)

    def error_text(self, index: int) -> str:
        size = len(self.records())
        if not -size <= index < size:
            raise IndexError(f"record {index} of {size}")
        return self.kept_error_texts.get(index % size, "")

    def error_texts(self) -> dict[int, str]:
        return self.kept_error_texts

    def console_text(self, *, width: int, ansi: bool) -> str:  # noqa: ARG002 (a plain table has neither)
        return plain_report(self)


def _missing(what: str, index: int) -> NoReturn:
    raise ValueError(f"the {what} (of record {index}) are in the run's journal; a pickled result has none")


def plain_report(source: Source) -> str:
    """Metrics and errors as plain text."""
    rows = [["Metric", *SHOWN]]
    rows += [[f"{m.header} ({m.unit})", *(number(getattr(m, s)) for s in SHOWN)] for m in source.metrics.values()]
    errors = [f"{number(e.count)} x {e.type}: {e.message}" for e in source.errors]
    head = f"{source.status}: {source.valid} good answers, {source.failed} failed"
    return "\n".join([head, text_table(rows), *errors])
