"""Metrics of a whole run, from its records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Sample:
    """The records that count: good answers of profiling phases, and how many failed.

    `values` holds every value of a metric over the good ones (lists flattened), `failed` those of error records,
    `waits` the times that count from the credit, in ms, over both.
    """

    values: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    failed: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    good: int = 0
    errors: int = 0
    waits: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    first_start_ns: int | None = None
    last_end_ns: int | None = None

    @classmethod
    def of_records(cls, records: list[dict[str, Any]]) -> Sample:
        """Sorts the lines of profile_export.jsonl."""
        sample = cls()
        for record in records:
            if record["metadata"].get("benchmark_phase") != "profiling":
                continue
            if record["metadata"].get("was_cancelled") and "error" not in record:
                continue
            sample._add(record)
        return sample

    def _add(self, record: dict[str, Any]) -> None:
        bad = "error" in record
        self.errors += bad
        self.good += not bad
        into = self.failed if bad else self.values
        metadata = record["metadata"]
        if "credit_issued_ns" in metadata:
            issued = metadata["credit_issued_ns"]
            self.waits["credit_to_start_latency"].append((metadata["request_start_ns"] - issued) * 1e-6)
            self.waits["effective_latency"].append((metadata["request_end_ns"] - issued) * 1e-6)
        for tag, entry in record["metrics"].items():
            value = entry["value"]
            into[tag].extend(value if isinstance(value, list) else [value])
        if not bad and "request_latency" in record["metrics"]:
            start = metadata["request_start_ns"]
            end = start + round(record["metrics"]["request_latency"]["value"] * 1e6)
            self.first_start_ns = min(start, self.first_start_ns or start)
            self.last_end_ns = max(end, self.last_end_ns or end)

    def total(self, tag: str) -> float | None:
        """Sum over the good records; None where no record has the metric."""
        return sum(self.values[tag]) if tag in self.values else None


Formula = Callable[[Sample, dict[str, Any]], float | None]


def _sum_of(tag: str) -> Formula:
    return lambda sample, _summary: sample.total(tag)


def _per_second(total: Callable[[Sample], float | None]) -> Formula:
    """A total over the phase's duration, which the summary gives through its request throughput."""

    def formula(sample: Sample, summary: dict[str, Any]) -> float | None:
        throughput, value = summary.get("request_throughput"), total(sample)
        return value * throughput["avg"] / sample.good if throughput and sample.good and value is not None else None

    return formula


def _duration(sample: Sample, _summary: dict[str, Any]) -> float | None:
    if sample.first_start_ns is None or sample.last_end_ns is None:
        return None
    return (sample.last_end_ns - sample.first_start_ns) / 1e9


def _all_tokens(sample: Sample) -> float | None:
    parts = (sample.total("input_sequence_length"), sample.total("output_sequence_length"))
    return None if None in parts else sum(part for part in parts if part is not None)


def _error_rate(sample: Sample, _summary: dict[str, Any]) -> float | None:
    return 100 * sample.errors / (sample.good + sample.errors) if sample.good + sample.errors else None


def _cache_read_share(sample: Sample, _summary: dict[str, Any]) -> float | None:
    read, prompt = sample.total("usage_prompt_cache_read_tokens"), sample.total("usage_prompt_tokens")
    return 100 * read / prompt if read is not None and prompt else None


def _failed_sum(tag: str) -> Formula:
    return lambda sample, _summary: sum(sample.failed[tag]) if tag in sample.failed else None


SCALARS: dict[str, Formula] = {
    "request_count": lambda sample, _summary: sample.good,
    "error_request_count": lambda sample, _summary: sample.errors,
    "completed_request_count": lambda sample, _summary: sample.good + sample.errors,
    "request_error_rate": _error_rate,
    "benchmark_duration": _duration,
    "output_token_throughput": _per_second(lambda sample: sample.total("output_sequence_length")),
    "input_token_throughput": _per_second(lambda sample: sample.total("input_sequence_length")),
    "total_token_throughput": _per_second(_all_tokens),
    "good_request_count": _sum_of("good_request_count"),
    "total_isl": _sum_of("input_sequence_length"),
    "total_osl": _sum_of("output_sequence_length"),
    "total_output_tokens": _sum_of("output_token_count"),
    "total_reasoning_tokens": _sum_of("reasoning_token_count"),
    "total_error_isl": _failed_sum("error_isl"),
    "total_usage_prompt_tokens": _sum_of("usage_prompt_tokens"),
    "total_usage_completion_tokens": _sum_of("usage_completion_tokens"),
    "total_usage_total_tokens": _sum_of("usage_total_tokens"),
    "total_usage_reasoning_tokens": _sum_of("usage_reasoning_tokens"),
    "total_usage_prompt_cache_read_tokens": _sum_of("usage_prompt_cache_read_tokens"),
    "overall_usage_prompt_cache_read_pct": _cache_read_share,
}
