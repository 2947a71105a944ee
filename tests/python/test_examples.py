"""The examples in Python are run as a person would, and are typed strictly."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import aiperf_cpp as ap
import pytest
from api_support import SHORT, options
from command_support import TOKENIZER

if TYPE_CHECKING:
    from conftest import MockFactory

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples" / "python"
AIPERF = ROOT / "tests" / "golden" / "cases" / "chat_stream_usage" / "artifacts"


def run(name: str, *args: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, EXAMPLES / name, *args], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_concurrencies_are_compared(mock: MockFactory, tmp_path: Path) -> None:
    printed = run("compare_concurrency.py", mock(flags=SHORT).host, "m", TOKENIZER, cwd=tmp_path).splitlines()
    assert [line.split()[0] for line in printed] == ["concurrency", "1", "4", "16"]
    assert all(float(line.split()[2]) >= 10 for line in printed[1:])


def test_a_run_of_aiperf_is_compared_with_one_of_ours(mock: MockFactory, tmp_path: Path) -> None:
    ours = ap.profile(**options(mock(flags=SHORT), tmp_path / "run", request_count=5))
    theirs = ap.load(AIPERF)
    printed = run("compare_runs.py", AIPERF, tmp_path / "run", cwd=tmp_path)
    row = next(line for line in printed.splitlines() if "Time to First Token (ms)" in line)
    before, after = (float(text) for text in re.findall(r"(?<= )\d+\.\d\d(?= )", row)[:2])
    assert before == pytest.approx(theirs["time_to_first_token"].avg, abs=0.01)
    assert after == pytest.approx(ours["time_to_first_token"].avg, abs=0.01)
    assert printed.splitlines()[-1].split() == ["failed", "0", "0"]


def test_the_slowest_requests_are_listed_in_order(mock: MockFactory, tmp_path: Path) -> None:
    given = options(mock(flags=SHORT), tmp_path / "run", request_count=8)
    config = tmp_path / "config.json"
    config.write_text(json.dumps(given, default=str), encoding="utf-8")
    printed = run("slowest_requests.py", config, "3", cwd=tmp_path).splitlines()
    assert printed[-1] == "8 good answers, 0 failed"
    latencies = [float(line.split()[2]) for line in printed[:-1]]
    assert len(latencies) == 3
    assert latencies == sorted(latencies, reverse=True)
    slowest = ap.load(tmp_path / "run")["request_latency"].max
    assert latencies[0] == pytest.approx(slowest, abs=0.06)


def test_every_example_is_run_here() -> None:
    named = set(re.findall(r'\brun\("(\w+\.py)"', Path(__file__).read_text(encoding="utf-8")))
    assert {path.name for path in EXAMPLES.glob("*.py")} == named


def test_the_examples_are_typed_strictly(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path), *map(str, EXAMPLES.glob("*.py"))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_mistake_in_an_example_would_be_seen(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        'import aiperf_cpp as ap\n\nap.RunConfig(concurency=1)\nap.load("d").valid.upper()\n', encoding="utf-8"
    )
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(wrong)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert 'Did you mean "concurrency"' in done.stdout or "concurency" in done.stdout
    assert '"int" has no attribute "upper"' in done.stdout
