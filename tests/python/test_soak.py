"""A short form of `make soak`: runs with one fault each at a random instant."""

# ruff: noqa: E402 (the soak lives in a folder of its own)

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOAK = ROOT / "tests" / "soak" / "run.py"
sys.path.insert(0, str(SOAK.parent))

from aiperf_soak.answers import Recorded, Served
from aiperf_soak.plan import BACKENDS, draw
from aiperf_soak.verdict import differences

FRESH_SEED = random.SystemRandom().randrange(1_000_000)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("seed", "runs"), [(2, 6), (FRESH_SEED, 6)], ids=["known seed", "fresh seed"])
def test_runs_with_a_fault_lose_no_answer_and_leave_nothing(
    seed: int, runs: int, program: Path, tmp_path: Path
) -> None:
    command = [sys.executable, str(SOAK), "--program", str(program), "--seed", str(seed), "--runs", str(runs)]
    command += ["--work", str(tmp_path / "soak"), "--jobs", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(f"seed {seed}, {runs} runs")


def test_a_plan_depends_on_seed_and_index_alone() -> None:
    plans = [draw(5, index) for index in range(200)]
    assert plans == [draw(5, index) for index in range(200)]
    assert plans != [draw(6, index) for index in range(200)]
    assert sum(plan.fault.kind == "none" for plan in plans) == 50
    assert {plan.backend for plan in plans} == set(BACKENDS)
    assert len({plan.fault.kind for plan in plans}) == 7


def test_an_answer_counts_as_finished_when_its_last_event_was_sent() -> None:
    whole = {"x_request_id": "a", "at_ns": 1000, "sent_ms": [1.0] * 9 + [2.0]}
    begun = {"x_request_id": "b", "at_ns": 500, "sent_ms": [1.0] * 9}
    left = {"x_request_id": "c", "at_ns": 2000, "sent_ms": [], "client_closed_ms": 3.0}
    served = Served.of([whole, begun, left], streaming=True)
    assert served.finished == {"a": 2_001_000}
    assert served.received == {"a", "b", "c"}
    assert (served.first_ns, served.last_ns) == (500, 3_002_000)
    assert served.finished_by(2_000_999) == 0
    assert served.finished_by(2_001_000) == 1


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (['{"metadata": {"x_request_id": "a", "benchmark_phase": "profiling"}}'] * 2, "twice there"),
        (['{"metadata": {"x_request_id": "a", "benchmark_phase": "profil'], "no record"),
        (['{"metadata": {"x_request_id": "a", "benchmark_phase": "warmup"}}'], "request_count is 1"),
    ],
)
def test_records_that_do_not_fit_are_found(lines: list[str], problem: str, tmp_path: Path) -> None:
    (tmp_path / "profile_export.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "profile_export_aiperf.json").write_text('{"request_count": {"avg": 1}}', encoding="utf-8")
    assert any(problem in found for found in Recorded.of(tmp_path).problems)


def recorded(*good: str, bad: tuple[str, ...] = ()) -> Recorded:
    """Records of these requests."""
    lines: dict[str, dict[str, Any]] = {name: {"metadata": {}} for name in good} | {
        name: {"metadata": {}, "error": {}} for name in bad
    }
    return Recorded(lines=lines)


def test_a_finished_answer_without_a_good_record_is_found_unless_it_may_have_been_in_flight() -> None:
    served = Served(received={"a", "b", "c"}, finished={"a": 1, "b": 2})
    assert differences(served, recorded("a", "b", bad=("c",)), 0) == []
    assert differences(served, recorded("a", bad=("b", "c")), 1) == []
    assert "1 finished answers" in differences(served, recorded("a", bad=("b", "c")), 0)[0]
    assert "in no record: ['c']" in differences(served, recorded("a", "b"), 0)[0]
    assert "not finished: ['c']" in differences(served, recorded("a", "b", "c"), 0)[0]
