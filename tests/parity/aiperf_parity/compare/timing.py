"""Measured times against the stamps of the scripted server."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .context import Context

FEWEST_FOR_A_BEST = 5


def content_events(answer: dict[str, Any]) -> list[int] | None:
    """Indices of the events of a scripted answer that carry content of a chat or completions stream.

    None where the form of the answer is not known here.
    """
    if "events" not in answer:
        return None
    found = []
    for index, (_, payload) in enumerate(answer["events"]):
        if isinstance(payload, dict) and set(payload) & {"$raw", "$hex", "$event", "$action"}:
            return None
        if isinstance(payload, str):
            if payload != "[DONE]":
                return None
            continue
        if "choices" not in payload:
            return None
        if any(_has_content(choice) for choice in payload["choices"]):
            found.append(index)
    return found


def _has_content(choice: dict[str, Any]) -> bool:
    delta = choice.get("delta") or {}
    if delta.get("tool_calls"):
        return True
    return any(delta.get(key) for key in ("content", "reasoning_content", "reasoning")) or bool(choice.get("text"))


def expected_times(context: Context, request: dict[str, Any]) -> dict[str, float]:
    """Earliest possible values in ms of a request's times, from when its answer really left the server."""
    answer = scripted_answer(context, request)
    sent = request.get("sent_ms", [])
    if answer is None or not sent:
        return {}
    if "events" not in answer:
        return {"request_latency": sent[-1]}
    indices = content_events(answer)
    if not indices or len(sent) != len(answer["events"]):
        return {}
    return {"time_to_first_token": sent[indices[0]], "request_latency": sent[indices[-1]]}


def scripted_answer(context: Context, request: dict[str, Any]) -> dict[str, Any] | None:
    """The answer of the script that a request was given; None where it cannot be told."""
    for route in context.case.spec["mock"]["routes"]:
        same_path = request["target"].split("?")[0] == route["path"]
        if same_path and request["method"] == route["method"] and request.get("answer") is not None:
            return dict(route["answers"][request["answer"]])
    return None


def lateness(context: Context, record: dict[str, Any]) -> dict[str, float]:
    """By how many ms each time of a good record exceeds the server's own."""
    request = context.ours.request_of.get(record["metadata"].get("x_request_id", ""))
    if request is None or "error" in record:
        return {}
    metrics = record["metrics"]
    return {tag: metrics[tag]["value"] - at for tag, at in expected_times(context, request).items() if tag in metrics}


def check_record_times(context: Context, record: dict[str, Any]) -> None:
    """Each time is the server's own within the tolerance of a busy machine."""
    for tag, value in lateness(context, record).items():
        near = abs(value) <= context.time_tolerance_ms
        expected = f"within {context.time_tolerance_ms:g} ms of the server"
        context.findings.holds(f"records.metrics.{tag}.time", near, expected, f"{value:+.1f} ms", tag)


def compare_best_times(context: Context) -> None:
    """The nearest measurement of a run shows which event was stamped, however busy the machine was. A handful of
    measurements may all be late."""
    late: dict[str, list[float]] = defaultdict(list)
    for record in context.ours.records:
        for tag, value in lateness(context, record).items():
            late[tag].append(value)
    for tag, values in late.items():
        value = min(values, key=abs)
        if len(values) < FEWEST_FOR_A_BEST and abs(value) <= context.time_tolerance_ms:
            context.findings.skip("the nearest time of a run with few requests")
            continue
        near = abs(value) <= context.best_time_ms
        expected = f"once within {context.best_time_ms:g} ms of the server"
        context.findings.holds(f"records.metrics.{tag}.best", near, expected, f"{value:+.1f} ms", tag)
