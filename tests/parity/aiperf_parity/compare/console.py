"""The final tables on the terminal: titles, columns, rows, and numbers as in the JSON summary."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .csv_table import names_of
from .summary import without_value

if TYPE_CHECKING:
    from .context import Context

TOP = re.compile(r"\s*[┏╔┌+][━═─┳╦┬+-]+[┓╗┐+]\s*")
BOTTOM = re.compile(r"\s*[└╚┗+][─═━┴╩┻+-]+[┘╝┛+]\s*")
BAR = re.compile(r"[┃│║|]")
PANEL = re.compile(r"\[panel: (.*)\]|[╭┌][─━]+ (.*?) [─━]+[╮┐]\s*")
FOOTER = re.compile(r"(CLI Command|Benchmark Duration|CSV Export|JSON Export|Raw Records|Log File): ?(.*)")
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass
class Table:
    """One table: rows are label -> cells."""

    title: str
    columns: list[str] = field(default_factory=list)
    rows: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class Console:
    """What a terminal showed at the end. A title is "brand | name"; tables go by their name."""

    tables: dict[str, Table] = field(default_factory=dict)
    brands: set[str] = field(default_factory=set)
    panels: list[str] = field(default_factory=list)
    footer: dict[str, str] = field(default_factory=dict)


def parse_console(text: str) -> Console:
    """Finds tables, panels and footer lines; everything else is left alone."""
    console, before, lines = Console(), "", iter(ANSI.sub("", text).splitlines())
    for line in lines:
        if TOP.fullmatch(line):
            table = Table(before.strip())
            for inner in lines:
                if BOTTOM.fullmatch(inner):
                    break
                _add_line(table, inner)
            brand, bar, name = table.title.partition(" | ")
            if bar:
                table.title = name
                console.brands.add(brand)
            console.tables[table.title] = table
        elif (panel := PANEL.match(line.strip())) is not None:
            console.panels.append((panel.group(1) or panel.group(2)).strip())
        elif (entry := FOOTER.match(line)) is not None:
            console.footer[entry.group(1)] = entry.group(2).strip()
        if line.strip():
            before = line
    return console


def _add_line(table: Table, line: str) -> None:
    if not BAR.search(line):
        return
    cells = [cell.strip() for cell in BAR.split(line.strip())[1:-1]]
    if not table.columns:
        table.columns = cells
    elif any(cells[1:]) or not table.rows:
        table.rows[cells[0]] = cells[1:]
    elif cells[0]:
        label, values = table.rows.popitem()
        table.rows[f"{label} {cells[0]}"] = values


def labels_of(context: Context) -> dict[str, str]:
    """Tag by label as the golden console shows it."""
    summary = context.golden.summary or {}
    found = {}
    for tag, name in names_of(context.golden).items():
        found[name] = tag
        found[f"{name} ({summary[tag]['unit']})"] = tag
    return found


def compare_console(context: Context) -> None:
    """All comparisons of this module."""
    findings = context.findings
    if context.golden.console is None or context.ours.console is None:
        findings.skip("console (golden kept none)")
        return
    golden = parse_console(context.golden.console)
    ours = parse_console(context.ours.substitute(context.ours.console))
    # AIPerf writes all to one stream; ours says what happens on the other
    ours.panels += parse_console(context.ours.stderr).panels
    labels = labels_of(context)
    for title, table in golden.tables.items():
        if title not in ours.tables:
            findings.missing(f"console.tables.{title}", title)
        else:
            _compare_table(context, labels, table, ours.tables[title])
    for title, table in ours.tables.items():
        if title not in golden.tables:
            findings.extra(f"console.tables.{title}", title)
        _check_numbers(context, labels, table)
    _compare_titles(context, golden, ours)
    _compare_footer(context, golden, ours)


def _compare_titles(context: Context, golden: Console, ours: Console) -> None:
    findings = context.findings
    for brand in sorted(ours.brands):
        findings.equal("console.brand", ", ".join(sorted(golden.brands)) or brand, brand)
    order = [title for title in golden.tables if title in ours.tables]
    findings.equal("console.tables.order", order, [title for title in ours.tables if title in golden.tables])
    for panel in golden.panels:
        if panel not in ours.panels:
            findings.missing(f"console.panels.{panel}", panel)
    for panel in ours.panels:
        if panel not in golden.panels:
            findings.extra(f"console.panels.{panel}", panel)


def _compare_table(context: Context, labels: dict[str, str], golden: Table, ours: Table) -> None:
    findings, where = context.findings, f"console.{golden.title}"
    findings.equal(f"{where}.columns", golden.columns, ours.columns)
    for label in golden.rows:
        if label not in ours.rows and not without_value(context, labels.get(label, "")):
            findings.missing(f"{where}.rows.{label}", label, labels.get(label))
    for label in ours.rows:
        if label not in golden.rows:
            findings.extra(f"{where}.rows.{label}", label, labels.get(label))
    order = [label for label in golden.rows if label in ours.rows]
    findings.equal(f"{where}.rows.order", order, [label for label in ours.rows if label in golden.rows])
    for label in order:
        shown = [cell == "N/A" for cell in golden.rows[label]]
        findings.equal(f"{where}.cells", shown, [cell == "N/A" for cell in ours.rows[label]], labels.get(label))


def _check_numbers(context: Context, labels: dict[str, str], table: Table) -> None:
    summary = context.ours.summary or {}
    for label, cells in table.rows.items():
        tag = labels.get(label)
        if tag is None or tag not in summary:
            continue
        metric = summary[tag]
        expected = [f"{metric[name]:,.2f}" if name in metric else "N/A" for name in table.columns[1:]]
        context.findings.equal(f"console.{table.title}.values", expected, cells, tag)


def _compare_footer(context: Context, golden: Console, ours: Console) -> None:
    findings = context.findings
    for name, value in golden.footer.items():
        if name not in ours.footer:
            findings.missing(f"console.footer.{name}", value)
        elif name.endswith("Export"):
            findings.equal(f"console.footer.{name}", value, ours.footer[name])
    order = [name for name in golden.footer if name in ours.footer]
    findings.equal("console.footer.order", order, [name for name in ours.footer if name in golden.footer])
    duration = (context.ours.summary or {}).get("benchmark_duration")
    if duration and "Benchmark Duration" in ours.footer:
        remark = golden.footer.get("Benchmark Duration", "").partition(" sec")[2]
        expected = f"{duration['avg']:.2f} sec{remark}"
        findings.equal("console.footer.duration", expected, ours.footer["Benchmark Duration"])
