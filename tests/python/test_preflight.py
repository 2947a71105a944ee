"""What would break a run is said before it begins: runs under limits of their own."""

from __future__ import annotations

import re
import resource
import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Command, MockFactory

SHORT = ("--ttft-ms", "20", "--output-tokens", "4")


def descriptors(soft: int, hard: int) -> Callable[[], None]:
    """Limits the process it is called in."""
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("backend", ["thread", "process"])
def test_a_hard_limit_that_is_too_low_is_refused_with_need_value_and_remedy(
    command: Command, mock: MockFactory, backend: str
) -> None:
    server = mock(flags=SHORT)
    flags = ["--concurrency", "400", "--request-count", "400", "--workers-max", "1", "--backend", backend]
    done = command.profile(server.url, *flags, preexec=descriptors(200, 200))
    assert done.exit_code == 2
    assert re.search(r"descriptors: 200, and the run needs \d+ \(400 connections of one process", done.stderr)
    assert "ulimit -Hn" in done.stderr
    assert not command.artifacts.directory.exists()
    assert server.stop() == []


@pytest.mark.parametrize("backend", ["thread", "process"])
def test_a_soft_limit_is_raised_as_far_as_the_run_needs(command: Command, mock: MockFactory, backend: str) -> None:
    server = mock(flags=SHORT)
    flags = ["--concurrency", "300", "--request-count", "600", "--workers-max", "1", "--backend", backend]
    done = command.profile(server.url, *flags, preexec=descriptors(100, 1000))
    assert done.exit_code == 0, done.stderr
    assert len(server.stop()) == 600


def test_processes_need_their_share_each(command: Command, mock: MockFactory) -> None:
    server = mock(flags=SHORT)
    flags = ["--concurrency", "300", "--request-count", "300", "--workers-max", "3", "--backend", "process"]
    done = command.profile(server.url, *flags, preexec=descriptors(220, 220))
    assert done.exit_code == 0, done.stderr
    assert len(server.stop()) == 300


def test_a_cap_over_a_rate_that_may_not_be_reached_is_a_warning(command: Command, mock: MockFactory) -> None:
    server = mock(flags=SHORT)
    flags = ["--concurrency", "5000", "--request-rate", "200", "--request-count", "5000", "--benchmark-duration", "0.2"]
    done = command.profile(server.url, *flags, preexec=descriptors(200, 200))
    assert done.exit_code == 0, done.stderr
    log = (command.artifacts.directory / "logs" / "aiperf.log").read_text(encoding="utf-8")
    assert "descriptors: 200, and the run needs " in log


def test_a_disk_without_room_for_the_records_is_refused(command: Command, mock: MockFactory) -> None:
    most = 1_000_000_000
    if shutil.disk_usage(command.workdir).free > most * 192:
        pytest.skip("the disk has room for as many records as can be asked for")
    server = mock(flags=SHORT)
    done = command.profile(server.url, "--request-count", str(most))
    assert done.exit_code == 2
    assert "disk space for the journal: " in done.stderr
    assert "AIPERF_JOURNAL_DIR" in done.stderr
    assert server.stop() == []


def test_prompts_beyond_all_memory_are_refused(command: Command, mock: MockFactory) -> None:
    server = mock(flags=SHORT)
    args = command.profile_args(server.url)
    args[args.index("--isl") + 1] = "100000"
    done = command.run(*args, "--num-dataset-entries", "90000000")
    assert done.exit_code == 2
    assert "memory: " in done.stderr
    assert "--num-dataset-entries" in done.stderr
    assert server.stop() == []
