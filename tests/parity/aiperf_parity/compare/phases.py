"""What a run with a warm-up says of each of its phases."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ..outcome import MANIFEST, PHASES
from .context import Context, deep_equal
from .summary import compare_members, compare_metrics, is_metric

if TYPE_CHECKING:
    from ..outcome import Outcome

WARMUP = "warmup_metrics"
# members of a summary that speak of the run and are compared in the run's own
OF_THE_RUN = ("benchmark_id", "aiperf_version", "run_info", "input_config", "start_time", "end_time", "error_summary")


def compare_phases(context: Context) -> None:
    """All comparisons of this module."""
    _compare_manifest(context)
    for name in (name for name in context.golden.files if name.startswith(PHASES) and name.endswith(".json")):
        if context.golden.has_file(name) and context.ours.has_file(name):
            _compare_summary(context, name)
    golden, ours = (_warmup(outcome) for outcome in (context.golden, context.ours))
    if golden and ours:
        for tag in golden:
            if tag not in ours:
                context.findings.missing(f"json.{WARMUP}.{tag}", golden[tag], tag)
        for tag in ours:
            if tag not in golden:
                context.findings.extra(f"json.{WARMUP}.{tag}", ours[tag], tag)
        compare_metrics(context, f"json.{WARMUP}", golden, ours)


def _warmup(outcome: Outcome) -> dict[str, Any]:
    return dict((outcome.summary or {}).get(WARMUP, {}))


def _compare_summary(context: Context, name: str) -> None:
    golden, ours = (json.loads(outcome.text(name)) for outcome in (context.golden, context.ours))
    compare_members(context, name, golden, ours)
    compare_metrics(context, name, golden, ours)
    for member, value in golden.items():
        if not is_metric(value) and member not in OF_THE_RUN and member in ours:
            context.findings.equal(f"{name}.{member}", value, ours[member])


def _compare_manifest(context: Context) -> None:
    if not (context.golden.has_file(MANIFEST) and context.ours.has_file(MANIFEST)):
        return
    golden, ours = (_masked(json.loads(outcome.text(MANIFEST))) for outcome in (context.golden, context.ours))
    deep_equal(context.findings, "manifest", golden, ours)


def _masked(manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest with its stamps replaced by their type, where they are in order."""
    for phase in manifest.get("phases", []):
        in_order = type(phase["start_ns"]) is int and phase["start_ns"] <= phase["end_ns"]
        phase["start_ns"] = phase["end_ns"] = "in order" if in_order else (phase["start_ns"], phase["end_ns"])
    return manifest
