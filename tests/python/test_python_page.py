"""docs/python.md: its code is run, block after block, against a mock server; what it says in prose is checked."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import aiperf_cpp as ap
from api_support import SHORT

if TYPE_CHECKING:
    from conftest import MockFactory

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
ADDRESS = "localhost:8000"

BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_the_blocks_run_one_after_the_other(mock: MockFactory, tmp_path: Path) -> None:
    script = "\n".join(BLOCKS).replace(ADDRESS, mock(flags=SHORT).host)
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    refusal, ttft, counts = done.stdout.splitlines()[:3]
    shown = re.search(r"print\(error\)  # (.*)", PAGE)
    assert shown is not None
    assert refusal == shown.group(1)
    assert ttft.endswith(" ms")
    assert counts == "complete 32 0 []"
    assert "time_to_first_token_ms" in done.stdout


def test_every_block_of_python_is_among_them() -> None:
    assert len(BLOCKS) == PAGE.count("<!-- tested: python -->") == PAGE.count("```python")


def test_the_extras_are_those_of_the_package() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    extras = re.findall(r"^optional-dependencies\.(\w+) = ", project, re.MULTILINE)
    assert len(extras) == 4
    named = {name for text in re.findall(r'pip install "\.\[([\w,]+)\]"', PAGE) for name in text.split(",")}
    assert named == set(extras)


def test_names_and_links_of_the_page_exist() -> None:
    names = set(re.findall(r"\bap\.(\w+)", PAGE))
    assert names <= set(ap.__all__)
    links = [link for link in re.findall(r"\]\(([^)#]+)", PAGE) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []
