"""profile_export_aiperf.csv: sections, rows, names, numbers as in the JSON summary."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from ..outcome import SUMMARY, TABLE, Outcome
from .summary import is_metric

if TYPE_CHECKING:
    from .context import Context

STATISTICS = ["avg", "min", "max", "sum", "p1", "p5", "p10", "p25", "p50", "p75", "p90", "p95", "p99", "std"]
HEADERS = (["Metric", *STATISTICS], ["Metric", "Value"])

Section = tuple[list[str], list[list[str]]]


def read_sections(text: str) -> list[Section]:
    """Header and rows of each section; sections are set apart by an empty line."""
    sections: list[list[list[str]]] = [[]]
    for row in csv.reader(io.StringIO(text, newline="")):
        if row:
            sections[-1].append(row)
        elif sections[-1]:
            sections.append([])
    return [(rows[0], rows[1:]) for rows in sections if rows]


def metric_sections(outcome: Outcome) -> tuple[list[str], list[str]]:
    """Tags of the summary as the table shows them: those with statistics, those without, each sorted."""
    metrics = {tag: value for tag, value in (outcome.summary or {}).items() if is_metric(value)}
    many = sorted(tag for tag, value in metrics.items() if set(value) - {"unit", "avg"})
    return many, sorted(set(metrics) - set(many))


def rows_by_tag(outcome: Outcome) -> dict[str, list[str]] | None:
    """Row of each metric; None where rows and summary do not go together."""
    if not (outcome.has_file(TABLE) and outcome.has_file(SUMMARY)):
        return None
    found: dict[str, list[str]] = {}
    sections = {tuple(header): rows for header, rows in read_sections(outcome.text(TABLE))}
    for header, tags in zip(HEADERS, metric_sections(outcome), strict=True):
        rows = sections.get(tuple(header), [])
        if len(rows) != len(tags):
            return None
        found |= dict(zip(tags, rows, strict=True))
    return found


def names_of(outcome: Outcome) -> dict[str, str]:
    """How the table names each metric; {} where that cannot be told."""
    return {tag: row[0] for tag, row in (rows_by_tag(outcome) or {}).items()}


def compare_csv(context: Context) -> None:
    """All comparisons of this module."""
    findings, ours = context.findings, context.ours
    if not (ours.has_file(TABLE) and ours.has_file(SUMMARY)):
        return
    text = ours.text(TABLE)
    findings.holds("csv.line_ends", text.count("\n") == text.count("\r\n"), "CR LF", text[:80])
    rows = rows_by_tag(ours)
    shape = [len(tags) for tags in metric_sections(ours)]
    if not findings.holds("csv.rows", rows is not None, f"one row per metric: {shape}", _shape(text)) or rows is None:
        return
    _check_numbers(context, rows)
    if context.golden.has_file(TABLE) and context.golden.has_file(SUMMARY):
        _compare_headers(context, text)
        golden = names_of(context.golden)
        for tag in sorted(set(golden) & set(rows)):
            findings.equal(f"csv.{tag}.name", golden[tag], rows[tag][0], tag)
    else:
        findings.skip("CSV against golden (golden has none): against our JSON only")


def _shape(text: str) -> list[int]:
    return [len(rows) for _, rows in read_sections(text)]


def _compare_headers(context: Context, text: str) -> None:
    golden = [header for header, _ in read_sections(context.golden.text(TABLE))]
    ours = [header for header, _ in read_sections(text)]
    for header in golden:
        if header not in ours:
            context.findings.missing("csv.sections", header)
    for header in ours:
        if header not in golden:
            context.findings.extra("csv.sections", header)
    context.findings.equal("csv.sections.order", [h for h in golden if h in ours], [h for h in ours if h in golden])


def _check_numbers(context: Context, rows: dict[str, list[str]]) -> None:
    summary = context.ours.summary or {}
    for tag, row in rows.items():
        metric: dict[str, Any] = summary[tag]
        names = STATISTICS if set(metric) - {"unit", "avg"} else ["avg"]
        expected = [f"{metric[name]:.2f}" if name in metric else "" for name in names]
        context.findings.equal(f"csv.{tag}.values", expected, row[1:], tag)
