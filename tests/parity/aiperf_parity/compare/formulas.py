"""Metrics of one record follow from each other and from its stamps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..statistics import close

if TYPE_CHECKING:
    from collections.abc import Callable

    from .context import Context

Values = dict[str, Any]


def _ms(nanoseconds: int) -> float:
    return nanoseconds * 1e-6


def _nanoseconds(milliseconds: float) -> int:
    return round(milliseconds * 1e6)


def _decode(v: Values) -> float:
    return _ms(_nanoseconds(v["request_latency"]) - _nanoseconds(v["time_to_first_token"]))


def _inter_token(v: Values) -> float:
    span = _nanoseconds(v["request_latency"]) - _nanoseconds(v["time_to_first_token"])
    return float(span / (v["output_sequence_length"] - 1) * 1e-6)


def _percent_off(expected: float, value: float) -> float:
    return abs(value - expected) / expected * 100


# tag -> (tags it needs, its value from them), all in display units
FORMULAS: dict[str, tuple[tuple[str, ...], Callable[[Values], float]]] = {
    "decode_duration": (("request_latency", "time_to_first_token"), _decode),
    "inter_token_latency": (("request_latency", "time_to_first_token", "output_sequence_length"), _inter_token),
    "time_to_second_token": (("inter_chunk_latency",), lambda v: v["inter_chunk_latency"][0]),
    "output_token_throughput_per_user": (("inter_token_latency",), lambda v: 1000 / v["inter_token_latency"]),
    "prefill_throughput_per_user": (
        ("input_sequence_length", "time_to_first_token"),
        lambda v: v["input_sequence_length"] / (v["time_to_first_token"] / 1000),
    ),
    "e2e_output_token_throughput": (
        ("output_sequence_length", "request_latency"),
        lambda v: v["output_sequence_length"] / (v["request_latency"] / 1000),
    ),
    "usage_prompt_tokens_diff_pct": (
        ("usage_prompt_tokens", "input_sequence_length"),
        lambda v: _percent_off(v["input_sequence_length"], v["usage_prompt_tokens"]),
    ),
    "usage_completion_tokens_diff_pct": (
        ("usage_completion_tokens", "output_sequence_length"),
        lambda v: _percent_off(v["output_sequence_length"], v["usage_completion_tokens"]),
    ),
}


def check_record_formulas(context: Context, record: dict[str, Any]) -> None:
    """Recomputes what can be recomputed from the record alone, to a relative 1e-12."""
    values = {tag: entry["value"] for tag, entry in record["metrics"].items()}
    for tag, (needed, formula) in FORMULAS.items():
        usable = tag in values and all(name in values for name in needed)
        if usable and not _special(context, tag):
            _check(context, tag, formula, values)
    _check_latency(context, record["metadata"], values)
    _check_counts(context, values)
    _check_chunks(context, values)


def _special(context: Context, tag: str) -> bool:
    """Flags that give a metric another definition."""
    return tag in ("inter_token_latency", "output_token_throughput_per_user") and context.case.has("--per-chunk-usage")


def _check(context: Context, tag: str, formula: Callable[[Values], float], values: Values) -> None:
    try:
        expected = formula(values)
    except (ZeroDivisionError, IndexError) as error:
        context.findings.holds(f"records.metrics.{tag}.formula", False, f"no value ({error})", values[tag], tag)
        return
    context.findings.holds(
        f"records.metrics.{tag}.formula", close(expected, values[tag], absolute=1e-15), expected, values[tag], tag
    )


def _check_latency(context: Context, metadata: dict[str, Any], values: Values) -> None:
    """The latency ends with the last content, the record with the answer: never before it."""
    if "request_latency" in values:
        whole = _ms(metadata["request_end_ns"] - metadata["request_start_ns"])
        latency = values["request_latency"]
        within = latency < whole or close(whole, latency)
        context.findings.holds(
            "records.metrics.request_latency.formula", within, f"at most {whole}", latency, "request_latency"
        )


def _check_counts(context: Context, values: Values) -> None:
    """The output sequence is the visible output and the reasoning."""
    if "output_sequence_length" in values and {"output_token_count", "reasoning_token_count"} & set(values):
        parts = values.get("output_token_count", 0) + values.get("reasoning_token_count", 0)
        context.findings.equal(
            "records.metrics.output_sequence_length.formula",
            parts,
            values["output_sequence_length"],
            "output_sequence_length",
        )


def _check_chunks(context: Context, values: Values) -> None:
    """The gaps between chunks add up to the time from the first token to the last."""
    if "inter_chunk_latency" in values and {"request_latency", "time_to_first_token"} <= set(values):
        expected, total = _decode(values), sum(values["inter_chunk_latency"])
        context.findings.holds(
            "records.metrics.inter_chunk_latency.formula",
            close(expected, total, relative=1e-9, absolute=1e-9),
            expected,
            total,
            "inter_chunk_latency",
        )
