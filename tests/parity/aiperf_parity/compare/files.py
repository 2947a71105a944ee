"""How the program ended, which files it wrote, and the small ones."""

from __future__ import annotations

import json
import re
from typing import Any

from ..outcome import INPUTS, MANIFEST, PHASES, READY, RECORDS, SUMMARY, TABLE
from .context import Context, deep_equal
from .requests import BodyMask

# what has a comparison of its own; a log is free text
COMPARED = {RECORDS, SUMMARY, TABLE, INPUTS, READY, MANIFEST, "logs/aiperf.log"}


def compare_ending(context: Context) -> None:
    """Exit code; a run that had to be killed for hanging fails in any case."""
    context.findings.holds("hang", not context.ours.hung, "an end of its own", "killed after the hang limit")
    context.findings.equal(f"exit_code.{context.case.ending}", context.golden.exit_code, context.ours.exit_code)


def generic_name(name: str) -> str:
    """A file name with the parts that differ from run to run taken out."""
    return re.sub(r"(record_processor|worker)_[0-9a-zA-Z]+", r"\1_{ID}", name)


def compare_file_names(context: Context) -> None:
    """Names of all artifacts."""
    golden = {generic_name(name) for name in context.golden.files}
    ours = {generic_name(name) for name in context.ours.files}
    for name in sorted(golden - ours):
        context.findings.missing(f"artifacts.{name}", name)
    for name in sorted(ours - golden):
        context.findings.extra(f"artifacts.{name}", name)
    context.findings.checks += len(golden & ours)
    for name in sorted(golden & ours - COMPARED):
        if not (name.startswith(PHASES) and name.endswith(".json")):
            context.findings.skip(f"content of {name}")


def compare_ready_marker(context: Context) -> None:
    """The marker that says the artifacts are complete."""
    if context.golden.has_file(READY) and context.ours.has_file(READY):
        golden, ours = json.loads(context.golden.text(READY)), json.loads(context.ours.text(READY))
        deep_equal(context.findings, "ready", golden, ours)


def compare_inputs(context: Context) -> None:
    """inputs.json: sessions, payloads, indentation."""
    findings = context.findings
    if not (context.golden.has_file(INPUTS) and context.ours.has_file(INPUTS)):
        return
    golden_text, our_text = context.golden.text(INPUTS), context.ours.text(INPUTS)
    golden, ours = json.loads(golden_text), json.loads(our_text)
    if golden_text == indented(golden):
        findings.holds("inputs.format", our_text == indented(ours), "JSON indented by 2", our_text[:60])
    findings.equal("inputs.keys", list(golden), list(ours))
    entries, our_entries = golden.get("data", []), ours.get("data", [])
    if not findings.equal("inputs.sessions.count", len(entries), len(our_entries)):
        return
    mask, our_mask = _masks(context, entries, our_entries)
    for one, other in zip(entries, our_entries, strict=True):
        findings.equal("inputs.sessions.keys", list(one), list(other))
        findings.equal("inputs.sessions.session_id", one.get("session_id"), other.get("session_id"))
        payloads = [mask(payload) for payload in one.get("payloads", [])]
        deep_equal(findings, "inputs.payloads", payloads, [our_mask(payload) for payload in other.get("payloads", [])])


def indented(value: Any) -> str:
    """The form in which AIPerf writes JSON files."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def _masks(context: Context, golden: list[Any], ours: list[Any]) -> tuple[BodyMask, BodyMask]:
    def payloads(entries: list[Any]) -> list[Any]:
        return [payload for entry in entries for payload in entry.get("payloads", [])]

    return BodyMask(context, payloads(golden), True), BodyMask(context, payloads(ours), True)
