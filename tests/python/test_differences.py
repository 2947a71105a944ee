"""docs/differences.md says what the comparisons let pass, and nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def rows_below(title: str) -> list[tuple[str, ...]]:
    """Cells of the table in the section of that title, without its head."""
    text = (ROOT / "docs" / "differences.md").read_text(encoding="utf-8")
    section = text.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in lines]


def test_the_differences_of_runs_are_those_that_the_harness_lets_pass() -> None:
    rules = json.loads((ROOT / "tests" / "parity" / "exceptions.json").read_text(encoding="utf-8"))["differences"]
    expected = []
    for rule in rules:
        place = " ".join(f"`{rule[key]}`" for key in ("field", "metric") if key in rule)
        expected.append((place, ", ".join(rule.get("ending", [])) or "any", rule["reason"]))
    assert expected
    assert rows_below("What a run leaves and shows") == expected


def test_the_differences_of_options_are_those_of_the_comparison_with_its_registry() -> None:
    source = (ROOT / "tests" / "cpp" / "config" / "options_test.cpp").read_text(encoding="utf-8")
    listed = re.search(r"k_differences\{(.*?)\n\};", source, re.DOTALL)
    assert listed is not None
    entries = re.findall(r'\{"([a-z_]+)\.([a-z]+)",\s*"([^"]+)"\}', listed.group(1))
    assert entries
    assert rows_below("Options") == [(f"`{option}`", what, reason) for option, what, reason in entries]
