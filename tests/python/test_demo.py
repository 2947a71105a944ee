"""`make demo`: a table, artifacts, and nothing left running, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from command_support import HANG_S, wait_until

ROOT = Path(__file__).resolve().parents[2]


def start(requests: str, directory: Path) -> subprocess.Popen[str]:
    """The demonstration as a job of its own, as a terminal would start it."""
    command = [str(ROOT / "scripts" / "demo.sh"), requests, str(directory)]
    environment = os.environ | {"TMPDIR": str(directory.parent)}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def members(session: int) -> list[str]:
    """Programs of a session that are still there."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, rest = stat.read_text(encoding="utf-8", errors="replace").rsplit(")", 1)
        except OSError:
            continue
        state, fields = rest.split()[0], rest.split()
        if int(fields[3]) == session and state != "Z":
            found.append(name)
    return found


def mock_is_measured(process: subprocess.Popen[str]) -> bool:
    """Whether the measurement itself is running, beside the mock server."""
    assert process.poll() is None, "the demonstration ended by itself"
    return len([name for name in members(process.pid) if "aiperf-cpp" in name]) >= 2


@pytest.mark.timeout(300)
def test_the_demonstration_shows_numbers_and_says_where_they_are(tmp_path: Path) -> None:
    process = start("8", tmp_path / "out")
    try:
        printed, errors = process.communicate(timeout=4 * HANG_S)
    finally:
        end(process)
    assert process.returncode == 0, errors
    assert "Time to First Token (ms)" in printed
    assert f"The artifacts are in {tmp_path / 'out'}:" in printed
    assert "profile_export_aiperf.json (" in printed
    assert (tmp_path / "out" / "profile_export_aiperf.json").is_file()
    assert members(process.pid) == []


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_demonstration_leaves_nothing_running(
    number: signal.Signals, exit_code: int, tmp_path: Path
) -> None:
    process = start("100000", tmp_path / "out")
    try:
        wait_until(lambda: mock_is_measured(process), 4 * HANG_S, "running measurement")
        os.killpg(process.pid, number)
        process.communicate(timeout=HANG_S)
    finally:
        end(process)
    assert process.returncode == exit_code
    wait_until(lambda: members(process.pid) == [], HANG_S, "end of everything that was started")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("tmp.")] == []


@pytest.mark.timeout(300)
def test_a_demonstration_that_fails_says_so_and_leaves_nothing_running(tmp_path: Path) -> None:
    process = start("none", tmp_path / "out")
    try:
        _, errors = process.communicate(timeout=4 * HANG_S)
    finally:
        end(process)
    assert process.returncode == 2
    assert "--request-count: 'none' is not allowed" in errors
    assert members(process.pid) == []
