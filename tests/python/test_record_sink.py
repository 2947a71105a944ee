"""on_record: a Python function that gets each finished request while the run lasts."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Literal

import aiperf_cpp as ap
import pytest
from api_support import ENDLESS, SHORT, options

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import MockFactory


@pytest.mark.parametrize("backend", ["thread", "process"])
def test_each_finished_request_comes_once(
    mock: MockFactory, workdir: Path, backend: Literal["thread", "process"]
) -> None:
    seen: list[ap.FinishedRequest] = []
    threads = set()

    def take(request: ap.FinishedRequest) -> None:
        seen.append(request)
        threads.add(threading.get_ident())

    flags = options(mock(flags=[*SHORT, "--error-rate", "0.3"]), workdir / "out", request_count=50, concurrency=5)
    with ap.Run(on_record=take, backend=backend, workers_max=3, **flags) as run:
        result = run.result()
    assert sorted(request.index for request in seen) == list(range(50))
    assert len(threads) == 1
    assert threads != {threading.get_ident()}
    assert sum(request.error is None for request in seen) == result.valid
    assert 0 < result.valid < 50
    for request in seen:
        good = request.error is None
        assert (request.http_status == 200) == good
        assert (request.latency_ms is not None and request.latency_ms >= 10) == good
        assert (request.time_to_first_token_ms is not None) == good
        assert bool(request.output_text) == good
        assert request.end_ns >= request.start_ns > 0
        assert request.reasoning_text == ""
        assert request.phase == "profiling"
        assert request.profiling
        assert request.worker in range(3)
        assert repr(request).startswith(f"<FinishedRequest {request.index}")
    assert run.record_error is None


def test_what_it_raises_is_kept_and_the_run_goes_on(mock: MockFactory, workdir: Path) -> None:
    calls = []

    def fail(request: ap.FinishedRequest) -> None:
        calls.append(request.index)
        raise ValueError("no more")

    flags = options(mock(flags=SHORT), workdir / "out", request_count=10)
    with ap.Run(on_record=fail, **flags) as run:
        result = run.result()
    assert len(calls) == 1
    assert result.valid == 10
    assert isinstance(run.record_error, ValueError)


def test_it_may_cancel_the_run(mock: MockFactory, workdir: Path) -> None:
    flags = options(mock(flags=SHORT), workdir / "out", request_count=100_000, concurrency=2)
    seen: list[int] = []

    def take(request: ap.FinishedRequest) -> None:
        seen.append(request.index)
        run.cancel()

    run = ap.Run(on_record=take, **flags)
    with run:
        assert run.result().status == "cancelled"
    assert len(seen) == len(set(seen)) > 0


def test_an_interpreter_that_ends_during_a_run_ends_it_first(mock: MockFactory, workdir: Path) -> None:
    flags = options(mock(flags=ENDLESS), workdir / "out", request_count=10)
    flags["tokenizer"] = str(flags["tokenizer"])
    flags["artifact_directory"] = str(flags["artifact_directory"])
    script = f"import aiperf_cpp as ap\nrun = ap.Run(on_record=print, **{flags!r}).start()\nprint('leaving')"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "leaving" in done.stdout
