"""profile_export_aiperf.json: members, units, statistics."""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import Any

from ..outcome import RECORDS, SUMMARY, WORKER_FLAGS
from ..statistics import close, describe
from .context import Context, deep_equal
from .files import indented
from .records import ABSENT_AT_ZERO, compare_errors, same_error
from .scalars import SCALARS, Sample

LAST_FIXED = "end_time"
OWN_FORM = ("run_info", "input_config", "error_summary", "start_time", "end_time")
# what ours says beside AIPerf's statistics of a distribution; checked by _bounds
OWN_MEMBERS = ("intervals", "too_few_samples_for")
IDENTIFIER = re.compile(r"[0-9a-f]{12}")
ADDED_FLAGS = re.compile(rf" ({'|'.join(WORKER_FLAGS)}|--backend) '?\w+'?")
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?")
# metrics made of stamps that AIPerf keeps as float64 seconds since 1970: good to two units in the last place
FLOAT_EPOCH_S = 512e-9
FLOAT_EPOCH_MS = 512e-6
TAGS_OF_TIME = ("benchmark_duration",)
# start_time and end_time are written in whole microseconds
CLOCK_TEXT_S = 2e-6


def compare_summary(context: Context) -> None:
    """All comparisons of this module."""
    golden, ours = context.golden.summary, context.ours.summary
    if ours is None:
        return
    if golden is not None:
        compare_members(context, "json", golden, ours)
        compare_metrics(context, "json", golden, ours)
        _fixed_members(context, golden, ours)
    else:
        context.findings.skip("profile_export_aiperf.json against golden (golden has none): own consistency only")
    _format(context)
    _own_form(context, ours)
    for tag, value in ours.items():
        if is_metric(value) and "intervals" in value:
            _bounds(context, tag, value)
    if context.ours.has_file(RECORDS):
        _statistics(context, ours)


def is_metric(value: Any) -> bool:
    """Whether a member of the summary is a metric."""
    return isinstance(value, dict) and "unit" in value


def without_value(context: Context, tag: str) -> bool:
    """Whether no record of ours has this rate, as every time it divides by is 0."""
    return tag in ABSENT_AT_ZERO and all(tag not in record["metrics"] for record in context.ours.records)


def _format(context: Context) -> None:
    """Line breaks as AIPerf writes them (some recordings were written anew without any)."""
    golden, text = context.golden, context.ours.text(SUMMARY)
    if golden.summary is not None and not golden.text(SUMMARY).startswith("{\n"):
        return
    same_layout = text.count("\n") == indented(context.ours.summary).count("\n") and text.startswith('{\n  "')
    context.findings.holds("json.format", same_layout, "JSON indented by 2", text[:60])


def compare_members(context: Context, where: str, golden: dict[str, Any], ours: dict[str, Any]) -> None:
    """Which members there are, and in what order."""
    findings = context.findings
    for name, value in golden.items():
        if name not in ours and not without_value(context, name):
            findings.missing(f"{where}.{name}", value, name if is_metric(value) else None)
    for name, value in ours.items():
        if name not in golden:
            findings.extra(f"{where}.{name}", value, name if is_metric(value) else None)
    names = list(golden)
    fixed = names[: names.index(LAST_FIXED) + 1]
    common = [name for name in fixed if name in ours]
    findings.equal(f"{where}.order", common, [name for name in ours if name in golden and name in fixed])
    rest = [index for index, name in enumerate(ours) if name in golden and name not in fixed]
    head = [index for index, name in enumerate(ours) if name in fixed]
    findings.holds(f"{where}.order.rest", not rest or max(head) < min(rest), f"after {LAST_FIXED}", list(ours))


def compare_metrics(context: Context, place: str, golden: dict[str, Any], ours: dict[str, Any]) -> None:
    """Members, units, types and counts of the metrics that both have."""
    exact = not context.case.cut
    for tag, expected in golden.items():
        if not is_metric(expected) or not is_metric(ours.get(tag)):
            continue
        value = ours[tag]
        findings, where = context.findings, f"{place}.{tag}"
        findings.equal(f"{where}.members", list(expected), [name for name in value if name not in OWN_MEMBERS], tag)
        findings.equal(f"{where}.unit", expected["unit"], value["unit"], tag)
        for name in set(expected) & set(value) - {"unit"}:
            findings.equal(f"{where}.{name}.type", type(expected[name]).__name__, type(value[name]).__name__, tag)
        if exact and "count" in expected and "count" in value and tag not in ABSENT_AT_ZERO:
            findings.equal(f"{where}.count", expected["count"], value["count"], tag)
        if exact and countable(context, tag, expected["unit"]):
            _equal_numbers(context, where, tag, expected, value)


def _bounds(context: Context, tag: str, metric: dict[str, Any]) -> None:
    """Intervals stand around their percentile, within the values; p50 has one from 8 values on, p99 from 459 on."""
    for name, (low, high) in metric["intervals"].items():
        holds = (low is None or metric["min"] <= low <= metric[name]) and (high is None or metric[name] <= high)
        context.findings.holds(f"json.{tag}.intervals.{name}", holds, "around the percentile", [low, high], tag)
        few = low is None or high is None
        context.findings.equal(f"json.{tag}.too_few.{name}", few, name in metric["too_few_samples_for"], tag)
    for name, enough in (("p50", 7), ("p90", 44), ("p99", 459)):
        has_high = metric["intervals"][name][1] is not None
        context.findings.equal(f"json.{tag}.enough.{name}", metric["count"] >= enough, has_high, tag)


def _equal_numbers(context: Context, where: str, tag: str, golden: dict[str, Any], ours: dict[str, Any]) -> None:
    for name, value in golden.items():
        if name in ours and name != "unit":
            near = close(value, ours[name], absolute=1e-12)
            context.findings.holds(f"{where}.{name}", near, value, ours[name], tag)


def countable(context: Context, tag: str, unit: str) -> bool:
    """Whether a metric is made of counts alone, so that two programs must agree on it."""
    lengths = ("input_sequence_length", "total_isl", "error_isl", "total_error_isl")
    unlike = context.case.drawn_isl or context.case.grown_prompts
    if tag in lengths and unlike and not context.case.has("--use-server-token-count"):
        return False
    over_time = ("effective_", "active_", "tokens_in_flight")
    return (unit in ("tokens", "requests") and not tag.startswith(over_time)) or tag == "request_error_rate"


# ---- members that are no metrics


def _fixed_members(context: Context, golden: dict[str, Any], ours: dict[str, Any]) -> None:
    findings = context.findings
    for name, value in golden.items():
        if is_metric(value) or name in OWN_FORM or name == "warmup_metrics" or name not in ours:
            continue
        if name == "benchmark_id":
            findings.holds(
                "json.benchmark_id", bool(IDENTIFIER.fullmatch(str(ours[name]))), "12 hex digits", ours[name]
            )
        else:
            findings.equal(f"json.{name}", value, ours[name])
    if "input_config" in ours:
        expected, config = (_without_workers(context, one["input_config"]) for one in (golden, ours))
        deep_equal(findings, "json.input_config", expected, config)
    if "run_info" in ours:
        _compare_run_info(context, golden["run_info"], ours)
    if "error_summary" in ours:
        _compare_error_summary(context, golden["error_summary"], ours["error_summary"])


def _without_workers(context: Context, config: Any) -> Any:
    """A configuration without the number of workers, where the harness has set that."""
    if not context.ours.extra_args or not isinstance(config, dict) or "runtime" not in config:
        return config
    runtime = {key: value for key, value in config["runtime"].items() if key != "workers"}
    return {**config, "runtime": runtime}


def _compare_run_info(context: Context, golden: dict[str, Any], ours: dict[str, Any]) -> None:
    info = dict(ours["run_info"])
    context.findings.equal("json.run_info.benchmark_id", ours.get("benchmark_id"), info.get("benchmark_id"))
    expected = {**golden, "benchmark_id": info.get("benchmark_id")}
    if context.ours.extra_args:
        for one in (info, expected):
            one["cli_command"] = ADDED_FLAGS.sub("", str(one.get("cli_command", "")))
    if not context.case.has("--random-seed"):
        expected["random_seed"] = info.get("random_seed")
    deep_equal(context.findings, "json.run_info", expected, info)


def _compare_error_summary(context: Context, golden: list[Any], ours: list[Any]) -> None:
    findings = context.findings
    if context.case.cut:
        findings.skip("error_summary (ends by time or signal)")
        return
    findings.equal("json.error_summary.counts", [e["count"] for e in golden], [e.get("count") for e in ours])
    left = list(ours)
    for index, entry in enumerate(golden):
        details = entry["error_details"]
        same_place = ours[index] if context.case.sequential and index < len(ours) else None
        match = same_place or next((one for one in left if same_error(details, one["error_details"])), None)
        if match is None:
            findings.missing("json.error_summary", entry)
            continue
        left.remove(match)
        compare_errors(context, "json.error_summary", details, match["error_details"])
        findings.equal("json.error_summary.count", entry["count"], match["count"])
    for entry in left:
        findings.extra("json.error_summary", entry)


def _own_form(context: Context, ours: dict[str, Any]) -> None:
    findings = context.findings
    for name in ("start_time", "end_time"):
        if ours.get(name) is not None:
            findings.holds(f"json.{name}", bool(TIMESTAMP.fullmatch(str(ours[name]))), "local time, ISO", ours[name])
    if ours.get("start_time") and ours.get("end_time"):
        order = ours["start_time"] <= ours["end_time"]
        findings.holds("json.end_time.order", order, "not before start_time", (ours["start_time"], ours["end_time"]))


# ---- statistics, from our own records


def _statistics(context: Context, ours: dict[str, Any]) -> None:
    sample = Sample.of_records(context.ours.records)
    _check_throughput(context, sample, ours)
    for tag, metric in ours.items():
        if not is_metric(metric):
            continue
        if tag in sample.waits and set(metric) - {"unit", "avg"}:
            _check_distribution(context, tag, sample.waits[tag], metric, FLOAT_EPOCH_MS)
        elif tag in sample.values and set(metric) - {"unit", "avg"}:
            _check_distribution(context, tag, sample.values[tag], metric)
        elif tag == "request_throughput":
            continue
        elif tag in SCALARS:
            _check_scalar(context, tag, SCALARS[tag](sample, ours), metric)
        else:
            context.findings.skip(f"recomputing {tag}")


def _check_throughput(context: Context, sample: Sample, ours: dict[str, Any]) -> None:
    """Good requests over the time from start_time to end_time; a cancelled run may count another span."""
    if "request_throughput" not in ours or not sample.good:
        return
    if ours.get("was_cancelled"):
        context.findings.skip("recomputing request_throughput (cancelled)")
        return
    start, end = datetime.fromisoformat(ours["start_time"]), datetime.fromisoformat(ours["end_time"])
    expected, seconds = (end - start).total_seconds(), sample.good / ours["request_throughput"]["avg"]
    context.findings.holds(
        "json.request_throughput.avg.recomputed",
        close(expected, seconds, relative=0.0, absolute=CLOCK_TEXT_S),
        f"{sample.good} requests in {expected} s",
        f"in {seconds} s",
        "request_throughput",
    )


def _check_distribution(
    context: Context, tag: str, values: list[float], metric: dict[str, Any], absolute: float = 0.0
) -> None:
    size = max(abs(value) for value in values)
    for name, expected in describe(values).items():
        if name not in metric:
            continue
        # a deviation far below the values carries their rounding, a sum that of all
        slack = {"std": absolute + size * 1e-12, "sum": absolute * len(values)}.get(name, absolute)
        near = math.isfinite(metric[name]) and close(expected, metric[name], absolute=slack)
        context.findings.holds(f"json.{tag}.{name}.recomputed", near, expected, metric[name], tag)


def _check_scalar(context: Context, tag: str, expected: float | None, metric: dict[str, Any]) -> None:
    if expected is None:
        context.findings.skip(f"recomputing {tag}")
        return
    absolute = FLOAT_EPOCH_S if tag in TAGS_OF_TIME else 0.0
    near = close(expected, metric["avg"], absolute=absolute)
    context.findings.holds(f"json.{tag}.avg.recomputed", near, expected, metric["avg"], tag)
