"""A result read from artifact files, as AIPerf and this program write them."""

from __future__ import annotations

import json
import math
from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from aiperf_cpp import _core
from aiperf_cpp._config import RunConfig
from aiperf_cpp._metric import STATISTICS, ErrorCount, Metric
from aiperf_cpp._sources import plain_report
from aiperf_cpp._tables import column_name, structured
from aiperf_cpp._validity import Calibration, Validity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import numpy.typing as npt

    from aiperf_cpp._sources import Columns, Status, StructuredArray

    Row = dict[str, Any]

SUMMARY = "profile_export_aiperf.json"
ROWS = "profile_export.jsonl"

CANCELLED = 130
_INT64 = range(-(2**63), 2**63)


class FileSource:
    """Metrics from the summary, records from the lines per request; either may be missing."""

    def __init__(self, directory: Path) -> None:
        self.artifact_directory = directory
        self.artifacts = tuple(sorted(path for path in directory.iterdir() if path.is_file()))
        self._summary = _read_summary(directory / SUMMARY)
        self.metrics = dict(_metrics(self._summary))
        self.validity = _validity(self._summary)
        self.calibration = _calibration(self._summary)
        self.benchmark_id = str(self._summary.get("benchmark_id", ""))
        self.status = _status(self._summary)
        self.errors = tuple(sorted(self._error_counts(), key=lambda error: -error.count))
        self.failed = sum(error.count for error in self.errors)
        self.valid = self._count("request_count", lambda row: "error" not in row)

    @property
    def error(self) -> str:
        if self.status == "incomplete":
            reason = "the run ended before it was complete" if self._summary else f"there is no {SUMMARY}"
            return str(self._summary.get("incomplete_reason") or reason)
        if self.status == "complete" and self.valid == 0:
            return f"all {self.failed} requests failed"
        return ""

    @property
    def error_type(self) -> str:
        return "RunError" if self.error else ""

    @property
    def exit_code(self) -> int:
        if self.status == "cancelled":
            return CANCELLED
        return 0 if self.valid and self.status == "complete" else 1

    @cached_property
    def config(self) -> RunConfig:
        return config_of(self._summary)

    @cached_property
    def rows(self) -> list[Row]:
        """The lines per request, in the order of the file."""
        path = self.artifact_directory / ROWS
        return list(_read_rows(path)) if path.is_file() else []

    def records(self) -> StructuredArray:
        return structured(self.table()[1])

    def table(self) -> tuple[npt.NDArray[np.int64], Columns]:
        if not self.rows:
            raise ValueError(f"{self.artifact_directory} has neither a journal nor lines per request ({ROWS})")
        return np.arange(len(self.rows), dtype=np.int64), _columns(self.rows)

    def events(self, index: int) -> StructuredArray:
        _only_in_a_journal("events", index)

    def output_text(self, index: int) -> str:
        _only_in_a_journal("output texts", index)

    def reasoning_text(self, index: int) -> str:
        _only_in_a_journal("reasoning texts", index)

    def error_text(self, index: int) -> str:
        return str(self.rows[index].get("error", {}).get("message", ""))

    def error_texts(self) -> dict[int, str]:
        return {index: text for index in range(len(self.rows)) if (text := self.error_text(index))}

    def console_text(self, *, width: int, ansi: bool) -> str:  # noqa: ARG002 (a plain table has neither)
        return plain_report(self)

    def _error_counts(self) -> Iterator[ErrorCount]:
        listed = self._summary.get("error_summary")
        if isinstance(listed, list):
            for entry in listed:
                details = entry["error_details"]
                yield ErrorCount(
                    details.get("code"), str(details["type"]), str(details["message"]), int(entry["count"])
                )
            return
        errors = [row["error"] for row in self._profiled() if "error" in row]
        for (code, kind, message), count in Counter(
            (error.get("code"), str(error.get("type", "")), str(error.get("message", ""))) for error in errors
        ).items():
            yield ErrorCount(code, kind, message, count)

    def _count(self, tag: str, counts: Any) -> int:
        if self._summary:
            return int(self.metrics[tag].avg) if tag in self.metrics else 0
        return sum(1 for row in self._profiled() if counts(row))

    def _profiled(self) -> Iterable[Row]:
        return (row for row in self.rows if row["metadata"].get("benchmark_phase") == "profiling")


def _only_in_a_journal(what: str, index: int) -> NoReturn:
    raise ValueError(f"the {what} (of record {index}) are in a run's journal; these artifacts have none")


def _read_summary(path: Path) -> dict[str, Any]:
    """The summary; empty where there is none. Raises RunError for one that is not whole."""
    if not path.is_file():
        return {}
    try:
        summary = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise _core.RunError(f"{path}: not JSON: {error}") from error
    if not isinstance(summary, dict) or not all(_is_error_entry(entry) for entry in summary.get("error_summary") or ()):
        raise _core.RunError(f"{path}: not the summary of a run")
    return summary


def _is_error_entry(entry: object) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("count"), int)
        and isinstance(details := entry.get("error_details"), dict)
        and {"type", "message"} <= details.keys()
    )


def _read_rows(path: Path) -> Iterator[Row]:
    """The lines of a file. The last one may be cut off: its writer was killed. Raises RunError for any other."""
    lines = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            if number == len(lines):
                return
            raise _core.RunError(f"{path}:{number}: not JSON: {error}") from error
        parts = (row.get("metadata"), row.get("metrics"), row.get("error") or {}) if isinstance(row, dict) else ()
        if not parts or not all(isinstance(part, dict) for part in parts):
            raise _core.RunError(f"{path}:{number}: not the line of a request")
        yield {name: part for name, part in row.items() if part is not None}


def _status(summary: dict[str, Any]) -> Status:
    if summary.get("was_cancelled"):
        return "cancelled"
    return "complete" if summary.get("is_complete", bool(summary)) else "incomplete"  # older AIPerfs do not say


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _metrics(summary: dict[str, Any]) -> Iterator[tuple[str, Metric]]:
    """Metrics in display order; those this program does not know come last."""
    headers = _core.metric_headers()
    entries = {
        tag: entry
        for tag, entry in summary.items()
        if isinstance(entry, dict) and isinstance(entry.get("unit"), str) and _is_number(entry.get("avg"))
    }
    for tag in [*(tag for tag in headers if tag in entries), *(tag for tag in entries if tag not in headers)]:
        entry = entries[tag]
        header = headers.get(tag) or tag.replace("_", " ").title()
        statistics = {name: entry[name] for name in STATISTICS if _is_number(entry.get(name))}
        yield tag, Metric(tag=tag, header=header, unit=entry["unit"], intervals=_intervals(entry), **statistics)


def _intervals(entry: dict[str, Any]) -> dict[str, tuple[float | None, float | None]] | None:
    found = entry.get("intervals")
    return {name: (low, high) for name, (low, high) in found.items()} if isinstance(found, dict) else None


def _validity(summary: dict[str, Any]) -> Validity | None:
    """AIPerf's own files have none."""
    try:
        return Validity._from_dict(summary["validity"])
    except (KeyError, TypeError):
        return None


def _calibration(summary: dict[str, Any]) -> Calibration | None:
    try:
        return Calibration._from_dict(summary["calibration"])
    except (KeyError, TypeError):
        return None


def _columns(rows: list[Row]) -> Columns:
    """One column for each plain value of the rows; lists are left out."""
    cells: dict[str, dict[int, Any]] = {}
    for index, row in enumerate(rows):
        for name, value in _plain_cells(row):
            cells.setdefault(name, {})[index] = value
    return {name: _column(column, len(rows)) for name, column in cells.items()}


def _plain_cells(row: Row) -> Iterator[tuple[str, Any]]:
    for name, value in row["metadata"].items():
        if isinstance(value, (bool, int, float, str)):
            yield name, value
    for tag, entry in row["metrics"].items():
        if isinstance(entry, dict) and _is_number(entry.get("value")):
            yield column_name(tag, str(entry.get("unit", ""))), float(entry["value"])
    error = row.get("error", {})
    yield "error_code", error.get("code") or 0
    yield "error_type", str(error.get("type", ""))
    yield "error_text", str(error.get("message", ""))


def _column(cells: dict[int, Any], size: int) -> npt.NDArray[Any]:
    """Missing: False, 0 (an integer), NaN, or an empty text."""
    values = cells.values()
    if all(isinstance(value, bool) for value in values):
        return np.array([cells.get(index, False) for index in range(size)], dtype=np.bool_)
    if all(type(value) is int and value in _INT64 for value in values):
        return np.array([cells.get(index, 0) for index in range(size)], dtype=np.int64)
    if all(_is_number(value) for value in values):
        return np.array([float(cells.get(index, math.nan)) for index in range(size)], dtype=np.float64)
    return np.array([str(cells.get(index, "")) for index in range(size)], dtype=object)


def config_of(summary: dict[str, Any]) -> RunConfig:
    """What a summary says was asked for. What this program has no option for, or refuses, is left out."""
    config = RunConfig()
    for name, value in _asked(summary.get("input_config"), summary.get("run_info")):
        try:
            config = config.replace(**{name: value})
        except _core.ConfigError:
            continue
    return config


#: Conversations of a data set of which neither their number nor that of sessions was asked for.
_DEFAULT_ENTRIES = 100

#: Options by the place of their value in `input_config`.
_PLACES = {
    "urls": ("endpoint", "urls"),
    "endpoint_type": ("endpoint", "type"),
    "custom_endpoint": ("endpoint", "path"),
    "request_timeout_seconds": ("endpoint", "timeout"),
    "streaming": ("endpoint", "streaming"),
    "use_legacy_max_tokens": ("endpoint", "use_legacy_max_tokens"),
    "use_server_token_count": ("endpoint", "use_server_token_count"),
    "headers": ("endpoint", "headers"),
    "extra_inputs": ("endpoint", "extra"),
    "session_header": ("endpoint", "session_header"),
    "connection_reuse_strategy": ("endpoint", "connection_reuse"),
    "wait_for_model_timeout": ("endpoint", "wait_for_model_timeout"),
    "wait_for_model_interval": ("endpoint", "wait_for_model_interval"),
    "wait_for_model_mode": ("endpoint", "wait_for_model_mode"),
    "isl_mean": ("datasets", 0, "prompts", "isl", "mean"),
    "isl_stddev": ("datasets", 0, "prompts", "isl", "stddev"),
    "osl_mean": ("datasets", 0, "prompts", "osl", "mean"),
    "osl_stddev": ("datasets", 0, "prompts", "osl", "stddev"),
    "session_turns_mean": ("datasets", 0, "turns", "mean"),
    "session_turns_stddev": ("datasets", 0, "turns", "stddev"),
    "session_turn_delay_mean": ("datasets", 0, "turn_delay", "mean"),
    "session_turn_delay_stddev": ("datasets", 0, "turn_delay", "stddev"),
    "session_delay_ratio": ("datasets", 0, "turn_delay_ratio"),
    "tokenizer": ("tokenizer", "name"),
    "artifact_directory": ("artifacts", "dir"),
    "workers_max": ("runtime", "workers"),
    "ui": ("runtime", "ui"),
}


def _asked(asked: Any, run_info: Any) -> Iterator[tuple[str, Any]]:
    """Names and values of options."""
    models = _at(asked, ("models", "items"))
    yield "model_names", [_at(model, ("name",)) for model in models] if isinstance(models, list) else None
    for name, place in _PLACES.items():
        yield name, _at(asked, place)
    yield "random_seed", _at(run_info, ("random_seed",))
    yield "cli_command", _at(run_info, ("cli_command",))
    phases = _at(asked, ("phases",))
    known = [phase for phase in phases if isinstance(phase, dict)] if isinstance(phases, list) else []
    by_kind = {phase.get("kind"): phase for phase in reversed(known)}
    profiling = by_kind.get("profiling", {})
    entries = _at(asked, ("datasets", 0, "entries"))
    yield "num_dataset_entries", None if entries == profiling.get("sessions", _DEFAULT_ENTRIES) else entries
    yield from _load_of(profiling)
    yield from _warmup_of(by_kind.get("warmup", {}), profiling)


def _load_of(phase: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "request_count", phase.get("requests")
    yield "num_sessions", phase.get("sessions")
    yield "benchmark_duration", phase.get("duration")
    yield "benchmark_grace_period", phase.get("grace_period")
    yield "concurrency", phase.get("concurrency")
    yield "request_rate", phase.get("rate")
    yield "arrival_smoothness", phase.get("smoothness")
    yield "failed_request_threshold", phase.get("failed_request_threshold")
    if "rate" in phase:
        yield "arrival_pattern", phase.get("type")


def _warmup_of(phase: dict[str, Any], profiling: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The warm-up has the load of the profiling phase where nothing else was asked for."""
    yield "warmup_request_count", phase.get("requests")
    yield "warmup_num_sessions", phase.get("sessions")
    yield "warmup_duration", phase.get("duration")
    yield "warmup_grace_period", phase.get("grace_period")
    for name, key in (("warmup_concurrency", "concurrency"), ("warmup_request_rate", "rate")):
        yield name, phase.get(key) if phase.get(key) != profiling.get(key) else None
    if "rate" in phase and phase.get("type") != profiling.get("type"):
        yield "warmup_arrival_pattern", phase.get("type")


def _at(value: Any, place: tuple[str | int, ...]) -> Any:
    """The value at a place of nested objects and lists; None where there is none."""
    for key in place:
        if isinstance(key, int):
            value = value[key] if isinstance(value, list) and key < len(value) else None
        else:
            value = value.get(key) if isinstance(value, dict) else None
    return value
