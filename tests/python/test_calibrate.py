"""`aiperf-cpp calibrate`, and what reports say once a load was calibrated."""

from __future__ import annotations

import copy
import json
import pickle
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import aiperf_cpp as ap
import pytest
from command_support import TOKENIZER, chat_script, wait_until

if TYPE_CHECKING:
    from conftest import Command, MockFactory

#: The shape of a load; profile_args() of the tests has these too.
SHAPE = ("--tokenizer", str(TOKENIZER), "--streaming", "--isl", "12")
RATE = ("--request-rate", "200", "--arrival-pattern", "constant")


@pytest.fixture
def cache(tmp_path: Path) -> dict[str, str]:
    """An environment with a cache of the test's own, and a place for temporary files."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return {"AIPERF_CACHE_DIR": str(tmp_path / "cache"), "TMPDIR": str(scratch)}


def kept(cache: dict[str, str]) -> list[Path]:
    """The calibrations in it."""
    return sorted(Path(cache["AIPERF_CACHE_DIR"]).glob("*"))


def leftovers(cache: dict[str, str]) -> list[Path]:
    """What lies about of measurements."""
    return list(Path(cache["TMPDIR"]).iterdir())


def test_a_calibrated_load_has_the_clients_own_share_in_its_report(
    command: Command, mock: MockFactory, cache: dict[str, str]
) -> None:
    finished = command.run("calibrate", "-m", "m", *SHAPE, *RATE, env=cache)
    assert finished.exit_code == 0, finished.stderr
    for word in ("request_latency", "time_to_first_token", "inter_token_latency", "send_lateness"):
        assert word in finished.stdout
    (file,) = kept(cache)
    assert f"Kept in {file}" in finished.stdout
    assert leftovers(cache) == []
    assert not (command.workdir / "artifacts").exists()

    url = mock(chat_script()).url
    assert command.profile(url, "--request-count", "30", *RATE, env=cache).exit_code == 0
    own = json.loads(file.read_text())["calibration"]
    reported = command.artifacts.summary()["calibration"]
    assert reported["requests_per_second"] == own["requests_per_second"]
    for tag, share in reported["metrics"].items():
        assert share["own"] == own["metrics"][tag]["own"]
        measured = {name: command.artifacts.summary()[tag][name] for name in ("p50", "p99")}
        assert share["measured"] == measured
        for name, ratio in share["ratio"].items():
            assert ratio == pytest.approx(share["own"][name] / measured[name])
    assert {"request_latency", "time_to_first_token", "send_lateness"} <= set(reported["metrics"])

    result = ap.load(command.artifacts.directory)
    assert result.calibration is not None
    assert result.calibration.metrics["request_latency"].ratio == reported["metrics"]["request_latency"]["ratio"]
    assert pickle.loads(pickle.dumps(result)).calibration == result.calibration
    assert copy.copy(result).calibration == result.calibration
    assert hash(result.calibration) == hash(result.calibration)


def test_without_a_calibration_of_this_very_load_nothing_is_said(
    command: Command, mock: MockFactory, cache: dict[str, str]
) -> None:
    assert command.run("calibrate", "-m", "m", *SHAPE, *RATE, env=cache).exit_code == 0
    finished = command.profile(mock(chat_script()).url, "--request-count", "5", "--concurrency", "2", env=cache)
    assert finished.exit_code == 0, finished.stderr
    assert "Calibration:" not in finished.stdout
    assert "ignored" not in finished.stderr
    assert "calibration" not in command.artifacts.summary()
    assert ap.load(command.artifacts.directory).calibration is None


def test_a_run_from_python_finds_the_calibration_too(
    command: Command, mock: MockFactory, cache: dict[str, str]
) -> None:
    flags = ["-m", "m", *SHAPE, "--concurrency", "2"]
    assert command.run("calibrate", *flags, env=cache).exit_code == 0
    result = ap.profile(
        model="m", url=mock(chat_script()).url, tokenizer=str(TOKENIZER), streaming=True, isl_mean=12, concurrency=2,
        request_count=5, backend="process", artifact_directory=command.artifacts.directory,
        environment={"AIPERF_CACHE_DIR": cache["AIPERF_CACHE_DIR"]},
    )  # fmt: skip
    assert result.calibration is not None
    assert result.calibration.metrics["request_latency"].measured["p50"] == result["request_latency"].p50


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 1, "key": "of another", "calibration": {}}'])
def test_a_damaged_or_foreign_calibration_is_ignored_with_a_warning(
    content: str, command: Command, mock: MockFactory, cache: dict[str, str]
) -> None:
    assert command.run("calibrate", "-m", "m", *SHAPE, *RATE, env=cache).exit_code == 0
    (file,) = kept(cache)
    file.write_text(content)
    finished = command.profile(mock(chat_script()).url, "--request-count", "5", *RATE, env=cache)
    assert finished.exit_code == 0, finished.stderr
    assert str(file) in finished.stderr
    assert "ignored" in finished.stderr
    assert "calibration" not in command.artifacts.summary()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--concurrency", "0"), "--concurrency"),
        (("--no-such-flag",), "--no-such-flag"),
        (("--http-version", "2"), "HTTP/1.1"),
        (("--url", "https://localhost"), "TLS"),
    ],
)
def test_bad_flags_are_refused_before_anything_starts(
    flags: tuple[str, ...], words: str, command: Command, cache: dict[str, str]
) -> None:
    finished = command.run("calibrate", "-m", "m", *SHAPE, *flags, env=cache)
    assert finished.exit_code == 2
    assert words in finished.stderr
    assert len(finished.error_lines) == 1
    assert kept(cache) == []
    assert leftovers(cache) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_leaves_nothing(number: int, command: Command, cache: dict[str, str]) -> None:
    running = command.start("calibrate", "-m", "m", *SHAPE, *RATE, env=cache)
    wait_until(lambda: bool(leftovers(cache)) or running.ended, 30, "the measurement")
    running.signal(number)
    finished = running.wait()
    assert finished.exit_code == 128 + number, finished.stderr
    assert kept(cache) == []
    assert leftovers(cache) == []


def test_a_cache_that_cannot_be_written_is_an_error_that_names_it(command: Command, cache: dict[str, str]) -> None:
    blocked = Path(cache["AIPERF_CACHE_DIR"])
    blocked.write_text("a file")
    finished = command.run("calibrate", "-m", "m", *SHAPE, *RATE, env=cache)
    assert finished.exit_code == 1
    assert str(blocked) in finished.stderr
    assert leftovers(cache) == []


def test_its_help_says_where_calibrations_are_kept(command: Command) -> None:
    finished = command.run("calibrate", "--help")
    assert finished.exit_code == 0
    assert "AIPERF_CACHE_DIR" in finished.stdout
    assert "calibrate" in command.run("--help").stdout
