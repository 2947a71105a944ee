"""Runs from Python whose workers and results server are processes of their own."""

from __future__ import annotations

import json
import os
import signal
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiperf_cpp as ap
import pytest
from api_support import ENDLESS, SHORT, options
from command_support import HANG_S

if TYPE_CHECKING:
    from conftest import MockFactory


def name_of(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")[1:-1]


def process_options(server: Any, directory: Path, **more: Any) -> dict[str, Any]:
    return options(server, directory, backend="process", workers_max=3, concurrency=3, **more)


def test_the_numbers_are_those_of_a_run_with_threads(mock: MockFactory, tmp_path: Path) -> None:
    server = mock(flags=SHORT)
    results = [
        ap.profile(**process_options(server, tmp_path / backend, request_count=30) | {"backend": backend})
        for backend in ("thread", "process")
    ]
    for result in results:
        assert result.valid == 30
    names = ("request_count", "output_sequence_length", "input_sequence_length", "total_output_tokens")
    for name in names:
        assert results[0][name].avg == results[1][name].avg
    ids = [set(result.records["conversation"]) for result in results]
    assert ids[0] == ids[1]


def test_the_processes_are_seen_while_the_run_lasts_and_gone_with_it(mock: MockFactory, tmp_path: Path) -> None:
    server = mock(flags=ENDLESS)
    with ap.Run(**process_options(server, tmp_path / "run", request_count=100, api_port=0)) as run:
        server.wait_arrived(3)
        children = run.children()
        roles = sorted(name_of(pid)[0] for pid in children)
        assert roles == ["results-server", "worker", "worker", "worker"]
        assert all(os.getpgid(pid) == pid for pid in children)
        lines = run.where()
        assert "profiling" in lines[0]
        assert any(line.startswith("worker_2 ") for line in lines)
        run.cancel()
        run.result()
    assert run.result().status == "cancelled"
    assert run.children() == []
    assert not any(Path(f"/proc/{pid}").exists() for pid in children)


def test_a_worker_that_dies_is_a_process_error_with_its_records(mock: MockFactory, tmp_path: Path) -> None:
    server = mock(flags=ENDLESS)
    with ap.Run(**process_options(server, tmp_path / "run", request_count=100)) as run:
        server.wait_arrived(3)
        victim = next(pid for pid in run.children() if name_of(pid)[:2] == ["worker", "1"])
        os.kill(victim, signal.SIGKILL)
        result = run.result()
    assert (result.status, result.exit_code, result.error_type) == ("incomplete", 1, "ProcessError")
    assert f"worker_1 (pid {victim}) was killed by signal 9 (SIGKILL)" in result.error
    messages = [error.message for error in result.errors]
    assert "worker died (signal 9)" in messages
    status = json.loads((tmp_path / "run" / "status.json").read_text())
    assert status["status"] == "incomplete"
    assert status["error"]["type"] == "ProcessError"


def test_profile_raises_what_killed_the_run(mock: MockFactory, tmp_path: Path) -> None:
    helper = tmp_path / "helper"
    helper.write_text("#!/bin/sh\necho no luck today >&2\nexit 3\n")
    helper.chmod(0o755)
    with pytest.raises(ap.ProcessError, match="exited with code 3; last line on stderr: no luck today") as caught:
        ap.profile(
            **process_options(mock(flags=SHORT), tmp_path / "run", request_count=5),
            environment={"AIPERF_HELPER": str(helper)},
        )
    assert caught.value.result is not None
    assert caught.value.result.status == "incomplete"


def test_a_helper_that_is_none_is_refused_before_anything_starts(tmp_path: Path) -> None:
    opts: dict[str, Any] = {"url": "localhost:1", "model": "m", "backend": "process"}
    opts["artifact_directory"] = tmp_path / "run"
    with pytest.raises(ap.ConfigError, match="AIPERF_HELPER: '/no/such/helper' is not allowed"):
        ap.Run(**opts, environment={"AIPERF_HELPER": "/no/such/helper"})
    assert not (tmp_path / "run").exists()


def test_the_results_server_of_a_process_outlives_the_result(mock: MockFactory, tmp_path: Path) -> None:
    opts = process_options(mock(flags=SHORT), tmp_path / "run", request_count=5, api_port=0)
    with ap.Run(environment={"AIPERF_API_SERVER_POST_COMPLETE_GRACE": "1"}, **opts) as run:
        assert run.result().status == "complete"
        (server,) = [pid for pid in run.children() if name_of(pid) == ["results-server"]]
        with urllib.request.urlopen(f"{run.api_url}/api/results", timeout=HANG_S) as answer:
            assert json.load(answer)["status"] == "complete"
    assert not Path(f"/proc/{server}").exists()
