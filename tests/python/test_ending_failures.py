"""Ends that go wrong around the program: no place for the files, nobody who reads the output, no target."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from command_support import Artifacts, Running, answer, chat_script
from ending_support import GRACE, both_backends, start, start_long, status_file, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import Command, MockFactory

REQUESTS = 60


def check_failed_export(command: Command, exit_code: int, poller: Any, failed: list[str], reason: str) -> None:
    """`incomplete` for the grace, with the reason and the names; the other files are there, the marker is not."""
    assert exit_code == 1
    assert words(poller.polls)[-2:] == ["incomplete", "refused"]
    assert poller.shown_s("incomplete") >= 0.4
    body = poller.seen("incomplete")[0].body
    assert body["exit_code"] == 1
    assert failed[0] in body["error"]["message"]
    assert reason in body["error"]["message"]
    assert body["results"]["results"]["successful_request_count"] == REQUESTS
    assert (poller.list["partial"], poller.list["ready"]) == (True, False)
    assert poller.list["failed_exporters"] == failed
    assert not set(failed) & set(poller.files)
    assert not (command.artifacts.directory / ".aiperf_results_ready.json").exists()
    assert [path.name for path in command.artifacts.directory.iterdir() if path.name.endswith(".tmp")] == []


@both_backends
@pytest.mark.parametrize("name", ["profile_export_aiperf.csv", "profile_export_aiperf.json", "profile_export.jsonl"])
def test_a_file_that_cannot_be_put_in_its_place_makes_the_run_incomplete_and_is_named(
    name: str, backend: str, command: Command, mock: MockFactory
) -> None:
    in_the_way = command.artifacts.directory / name
    in_the_way.mkdir(parents=True)
    flags = ["--request-count", str(REQUESTS), "--concurrency", "6", "--backend", backend]
    running, poller = start(command, mock(chat_script()).url, "0.7", *flags)
    poller.result()
    check_failed_export(command, running.wait().exit_code, poller, [name], "Is a directory")
    expected = {"profile_export_aiperf.csv", "profile_export_aiperf.json", "profile_export.jsonl", "inputs.json"}
    assert expected - {name} <= set(poller.files)
    if name != "profile_export_aiperf.json":
        assert json.loads(poller.files["profile_export_aiperf.json"])["is_complete"] is False


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a small file system; skips where that is not allowed."""
    mounted: list[Path] = []

    def mount(size: str) -> Path:
        place = tmp_path / f"disk{len(mounted)}"
        place.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"mounting a small disk is not permitted here: {done.stderr.strip()}")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        subprocess.run(["umount", "-l", str(place)], check=True)


@both_backends
def test_a_full_disk_makes_the_run_incomplete_which_is_said_from_memory(
    backend: str, command: Command, mock: MockFactory, small_disk: Callable[[str], Path], tmp_path: Path
) -> None:
    command.artifacts = Artifacts(small_disk("64k") / "artifacts")
    (tmp_path / "journals").mkdir()
    env = {"AIPERF_JOURNAL_DIR": str(tmp_path / "journals")}
    flags = ["--request-count", str(REQUESTS), "--concurrency", "6", "--backend", backend]
    script = chat_script(answer([" a"] * 40, first_ms=20, gap_ms=0))
    running, poller = start(command, mock(script).url, "0.7", *flags, env=env)
    poller.result()
    finished = running.wait()
    failed = poller.list["failed_exporters"]
    assert "profile_export.jsonl" in failed
    check_failed_export(command, finished.exit_code, poller, failed, "No space left on device")
    command.artifacts.check_valid()
    assert "No space left on device" in finished.stderr


@both_backends
@pytest.mark.parametrize("how", ["closed", "head"])
def test_nobody_who_reads_the_output_changes_nothing(
    how: str, backend: str, command: Command, mock: MockFactory
) -> None:
    server = mock(chat_script())
    args = command.profile_args(server.url, "--request-count", "5", "--api-port", "0", "--backend", backend)
    args[args.index("--ui") + 1] = "simple"
    shell = '"$@" >&-' if how == "closed" else 'set -o pipefail; "$@" | head -1'
    run = ["bash", "-c", shell, "run", str(command.program), *args]
    running = Running(run, command.workdir, {GRACE: "0.7"})
    try:
        finished = running.wait()
    finally:
        running.stop()
    assert finished.exit_code == 0, finished.stderr
    assert status_file(command.artifacts.directory)["status"] == "complete"
    assert command.artifacts.value("request_count") == 5
    command.artifacts.check_valid()


@both_backends
def test_a_reader_that_leaves_early_does_not_end_the_hold(backend: str, command: Command, mock: MockFactory) -> None:
    """The pipe of stdout and stderr is broken before the run is over: the report cannot be written."""
    reading, writing = os.pipe()

    def into_pipe() -> None:
        os.dup2(writing, 1)

    running, poller, _ = start_long(
        command, mock, "0.7", "--benchmark-duration", "0.7", "--backend", backend, preexec=into_pipe
    )
    os.close(writing)
    os.close(reading)
    poller.result()
    assert running.wait().exit_code == 0
    assert poller.shown_s("complete") >= 0.4


@both_backends
def test_a_target_that_is_not_there_is_incomplete_for_the_grace(backend: str, command: Command) -> None:
    running, poller = start(command, "http://127.0.0.1:9", "0.7", "--request-count", "5", "--backend", backend)
    poller.result()
    assert running.wait().exit_code == 1
    assert words(poller.polls)[-2:] == ["incomplete", "refused"]
    body = poller.seen("incomplete")[0].body
    assert "127.0.0.1:9" in body["error"]["message"]
    assert body["results"] is None
    assert poller.shown_s("incomplete") >= 0.4
