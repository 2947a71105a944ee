"""Recorded runs of AIPerf, replayed with the finished command (tests/parity says how)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CASES = ROOT / "tests" / "golden" / "cases"
# Recordings whose features are there altogether; the others serve other tests, and `tests/parity/run.py` by hand.
COMPLETE = [
    "api_key",
    "chat_nonstream",
    "chat_stream_no_usage",
    "chat_stream_usage",
    "completions_nonstream",
    "completions_stream",
    "conc_10_order",
    "default_bound",
    "duration_grace",
    "errors_all",
    "errors_mixed",
    "export_summary",
    "extra_inputs_headers",
    "failed_request_threshold",
    "multi_url",
    "no_seed_isl_default",
    "rate_constant",
    "rate_poisson",
    "rate_with_sessions",
    "server_token_count",
    "server_unreachable",
    "sigint_once",
    "sigint_twice",
    "sigterm_once",
    "sticky_sessions",
    "two_workers",
    "wait_for_model",
    "warmup",
    "warmup_duration",
]


@pytest.mark.parametrize("backend", ["thread", "process"])
@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("name", COMPLETE)
def test_a_recorded_run_is_repeated(name: str, workers: int, backend: str, program: Path) -> None:
    command = [sys.executable, str(ROOT / "tests" / "parity" / "run.py"), "--cases", str(CASES)]
    command += ["--program", str(program), "--workers", str(workers), "--backend", backend, "--all-must-pass", name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
