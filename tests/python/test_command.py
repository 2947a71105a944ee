"""The finished command from outside: what it says, how it ends, what it leaves."""

from __future__ import annotations

import json
import re
import resource
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import pytest
from command_support import HANG_S, TOKENIZER, Artifacts, Finished, Mock, answer, chat_script, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Command, MockFactory

ROOT = Path(__file__).resolve().parents[2]
#: What AIPerf refuses and runs here, with the reason.
ACCEPTED_HERE = {"api port 0": "any free port; api.json says which"}
REFUSALS = ROOT / "tests" / "golden" / "registries" / "refusals.json"
SLOW = answer(first_ms=60_000)
K = 1024


# ---- what it says about itself


@pytest.mark.parametrize("args", [["--help"], ["profile", "--help"], ["mock", "--help"], ["recover", "--help"]])
def test_help_is_shown_and_nothing_is_run(args: list[str], command: Command) -> None:
    done = command.start(*args).wait(10)
    assert done.exit_code == 0
    assert "usage" in done.stdout.lower()
    assert done.stderr == ""


def test_help_of_profile_names_the_flags(command: Command) -> None:
    text = command.run("profile", "--help").stdout
    assert {"--concurrency", "--request-rate", "--request-count", "--url", "--isl"} <= set(
        re.findall(r"--[a-z-]+", text)
    )


def test_the_version_is_that_of_the_project(command: Command) -> None:
    version = re.search(r"project\(aiperf VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text(encoding="utf-8"))
    assert version is not None
    done = command.start("--version").wait(10)
    assert (done.exit_code, version.group(1) in done.stdout) == (0, True)


def test_settings_show_value_default_range_and_source(command: Command) -> None:
    name = "AIPERF_HTTP_CONNECT_TIMEOUT"
    for source, value, env in (("default", "10", {}), ("environment", "3", {name: "3"})):
        rows = json.loads(command.run("settings", "--json", env=env).stdout)
        (row,) = [row for row in rows if row["name"] == name]
        assert (row["value"], row["default"], row["source"]) == (value, "10", source)
        assert "3600" in row["allowed"]
        (line,) = [line for line in command.run("settings", env=env).stdout.splitlines() if line.startswith(name)]
        assert re.fullmatch(rf"{name} +{value} s +10 s +.*3600 +{source} *", line)


# ---- refusals


def assert_refused(done: Finished, server: Mock | None = None) -> str:
    """Exit 2, one line on stderr, no request. Returns the line."""
    assert done.exit_code == 2, done.stderr or done.stdout
    assert len(done.error_lines) == 1, done.stderr
    if server is not None:
        assert server.stop() == []
    return done.error_lines[0]


def test_an_unknown_flag_is_refused_with_the_nearest_known(command: Command, mock: MockFactory) -> None:
    server = mock()
    line = assert_refused(command.profile(server.url, "--concurency", "3"), server)
    assert "--concurency" in line
    assert "--concurrency" in line


def test_a_flag_of_aiperf_that_is_not_there_yet_is_refused_by_name(command: Command, mock: MockFactory) -> None:
    server = mock()
    line = assert_refused(command.profile(server.url, "--wandb-project", "x"), server)
    assert "--wandb-project" in line
    assert "not supported yet" in line


def _refusals() -> list[dict[str, Any]]:
    if not REFUSALS.exists():
        return []
    data: dict[str, Any] = json.loads(REFUSALS.read_text(encoding="utf-8"))
    cases: list[dict[str, Any]] = data["cases"]
    return cases


def test_the_list_of_refused_command_lines_is_there() -> None:
    assert len(_refusals()) > 40


@pytest.mark.parametrize("case", _refusals(), ids=lambda case: case["case"])
def test_a_command_line_that_aiperf_refuses_is_refused(
    case: dict[str, Any], command: Command, mock: MockFactory, workdir: Path
) -> None:
    server = mock(chat_script(answer(["a"], first_ms=0, gap_ms=0)))
    places = {"{TOKENIZER}": str(TOKENIZER), "{ARTIFACTS}": str(workdir / "artifacts"), "{DIR}": str(workdir / "pool")}
    places |= {"{TRACE}": str(workdir / "trace.jsonl"), "http://127.0.0.1:9": server.url}
    (workdir / "pool").mkdir()
    (workdir / "pool" / "a.jsonl").write_text('{"text": "hello"}\n', encoding="utf-8")
    (workdir / "trace.jsonl").write_text('{"timestamp": 0, "input_length": 9, "output_length": 2}\n', encoding="utf-8")
    args = [_filled(arg, places) for arg in case["args"]]
    done = command.run(*args)
    if done.exit_code == 2:
        assert_refused(done, server)
    elif case["case"] in ACCEPTED_HERE:
        assert done.exit_code == 0
    else:
        outcome = case.get("aiperf") or case["outcome"]
        assert not outcome.startswith("refused"), f"accepted: {' '.join(args)}"
        assert done.exit_code in (0, 1)


def _filled(text: str, places: dict[str, str]) -> str:
    for placeholder, value in places.items():
        text = text.replace(placeholder, value)
    return text


def test_a_tokenizer_that_is_not_on_disk_is_refused_with_the_places_looked_at(
    command: Command, mock: MockFactory
) -> None:
    server = mock()
    args = [arg if arg != str(TOKENIZER) else "nobody/no-such-model" for arg in command.profile_args(server.url)]
    done = command.start(*args).wait(20)
    assert done.exit_code in (1, 2)
    assert "nobody/no-such-model" in done.stderr
    assert server.stop() == []


# ---- surroundings that are not as they should be


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_a_target_that_is_down_is_said_with_its_address(command: Command) -> None:
    port = free_port()
    done = command.start_profile(f"http://127.0.0.1:{port}", "--request-count", "3").wait(30)
    assert done.exit_code == 1
    said = done.stdout + done.stderr
    assert re.search(r"connect", said, re.IGNORECASE)
    assert f"127.0.0.1:{port}" in said
    command.artifacts.check_valid()


def test_an_artifact_directory_that_cannot_be_made_is_said_before_the_first_request(
    command: Command, mock: MockFactory, workdir: Path
) -> None:
    server = mock()
    (workdir / "file").write_text("in the way", encoding="utf-8")
    place = str(workdir / "file" / "artifacts")
    args = [arg if arg != str(command.artifacts.directory) else place for arg in command.profile_args(server.url)]
    done = command.run(*args)
    assert done.exit_code in (1, 2)
    assert str(workdir / "file") in done.stderr
    assert server.stop() == []


def test_too_few_descriptors_are_said_and_nothing_hangs(command: Command, mock: MockFactory) -> None:
    server = mock(chat_script(answer(first_ms=300)))

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (48, 48))

    done = command.profile(server.url, "--concurrency", "200", "--request-count", "400", preexec=limit)
    assert done.exit_code in (1, 2)
    assert re.search(r"descriptor|open files|ulimit", done.stderr + done.stdout, re.IGNORECASE)
    if command.artifacts.directory.exists():
        command.artifacts.check_valid()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Any]:
    """Mounts a small file system; skips where that is not allowed."""
    mounted: list[Path] = []

    def mount(size: str) -> Path:
        place = tmp_path / f"disk{len(mounted)}"
        place.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            pytest.skip(f"mounting a small disk is not permitted here: {done.stderr.strip()}")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_disk_too_small_for_a_journal_is_said_before_the_first_request(
    command: Command, mock: MockFactory, small_disk: Any
) -> None:
    server = mock()
    command.artifacts = Artifacts(small_disk("16k") / "artifacts")
    done = command.profile(server.url, "--request-count", "200")
    assert done.exit_code == 2
    assert "disk space for the journal: " in done.stderr
    assert server.stop() == []


def test_a_disk_that_fills_up_during_a_run_loses_nothing_complete(
    command: Command, mock: MockFactory, small_disk: Any, tmp_path: Path
) -> None:
    words = [f" word{number}" * 200 for number in range(40)]
    server = mock(chat_script(answer(words, first_ms=0, gap_ms=0)))
    disk = small_disk("12m")
    command.artifacts = Artifacts(disk / "artifacts")
    done = command.profile(server.url, "--request-count", "2000", "--concurrency", "1")
    assert done.exit_code == 1
    assert re.search(r"space|full", done.stderr, re.IGNORECASE)
    answered = {request["x_request_id"] for request in server.stop() if whole(request, words)}
    assert 0 < len(answered) < 2000, "the disk was not full in the middle of the run"
    assert_recovered(command, tmp_path, answered, may_miss=2)


def whole(request: dict[str, Any], words: list[str]) -> bool:
    """Whether the server sent all of an answer of these words."""
    return len(request["sent_ms"]) == len(words) + 4 and request.get("client_closed_ms") is None


def assert_recovered(command: Command, tmp_path: Path, answered: set[str], may_miss: int) -> None:
    """What was answered is found in a copy of the artifact directory, where there is room, after `recover`.

    A run that could write its artifacts after all has the ready marker, and nothing to recover.
    """
    copy = tmp_path / "copy"
    shutil.copytree(command.artifacts.directory, copy)
    if not (copy / ".aiperf_results_ready.json").exists():
        done = command.run("recover", str(copy))
        assert done.exit_code == 0, done.stderr
    Artifacts(copy).check_valid()
    assert len(answered - Artifacts(copy).good_ids()) <= may_miss


def test_a_full_disk_for_the_artifacts_alone_leaves_the_journal_and_no_halves(
    command: Command, mock: MockFactory, small_disk: Any, tmp_path: Path
) -> None:
    server = mock(chat_script(answer([" a"] * 40, gap_ms=0)))
    command.artifacts = Artifacts(small_disk("48k") / "artifacts")
    journals = tmp_path / "journals"
    journals.mkdir()
    done = command.profile(
        server.url, "--request-count", "60", "--concurrency", "4", env={"AIPERF_JOURNAL_DIR": str(journals)}
    )
    assert done.exit_code == 1
    assert re.search(r"space|full", done.stderr, re.IGNORECASE)
    assert len(server.stop()) == 60
    command.artifacts.check_valid()
    assert not (command.artifacts.directory / ".aiperf_results_ready.json").exists()
    assert any(path.stat().st_size > 60 * 192 for path in journals.rglob("*") if path.is_file())


# ---- ends that are asked for


def running_for_a_while(command: Command, server: Mock, *args: str, concurrency: int = 2, over: int = 10) -> Any:
    """A run that has had `over` answers and has many to go."""
    flags = ["--request-count", "100000", "--concurrency", str(concurrency)]
    running = command.start_profile(server.url, *flags, *args)
    wait_until(lambda: running.ended or server.over() >= over, HANG_S, f"{over} answers")
    assert not running.ended, running.wait().stderr
    return running


def test_one_interrupt_cancels_and_keeps_what_there_is(command: Command, mock: MockFactory) -> None:
    server = mock()
    running = running_for_a_while(command, server)
    running.signal(signal.SIGINT)
    done = running.wait(30)
    assert done.exit_code == 130
    assert_partial(command.artifacts, at_least=10)


def assert_partial(artifacts: Artifacts, at_least: int) -> None:
    """Artifacts of a cancelled run: whole files that agree and say that it was cancelled."""
    artifacts.check_valid()
    summary = artifacts.summary()
    assert summary["was_cancelled"] is True
    good = artifacts.good_ids()
    assert len(good) >= at_least
    assert summary["request_count"]["avg"] == len(good)


def test_an_interrupt_ends_requests_in_flight_at_once(command: Command, mock: MockFactory) -> None:
    server = mock(chat_script(answer(), answer(), answer(), SLOW))
    running = command.start_profile(server.url, "--request-count", "50", "--concurrency", "1")
    server.wait_arrived(4)
    wait_until(lambda: server.over() >= 3, HANG_S, "3 answers")
    running.signal(signal.SIGINT)
    assert running.wait(20).exit_code == 130
    assert_partial(command.artifacts, at_least=3)
    assert server.stop()[3]["client_closed_ms"] is not None


def test_an_interrupt_before_the_first_answer_ends_the_run(command: Command, mock: MockFactory) -> None:
    server = mock(chat_script(SLOW))
    running = command.start_profile(server.url, "--request-count", "5", "--concurrency", "2")
    server.wait_arrived(2)
    running.signal(signal.SIGINT)
    assert running.wait(20).exit_code == 130
    command.artifacts.check_valid()


def test_more_interrupts_end_at_once_and_the_journal_can_be_read(
    command: Command, mock: MockFactory, tmp_path: Path
) -> None:
    server = mock()
    running = running_for_a_while(command, server, over=20)
    answered = {request["x_request_id"] for request in server.requests()}
    running.signal(signal.SIGINT)

    def insist() -> bool:
        if not running.ended:
            running.signal(signal.SIGINT)
        return bool(running.ended)

    wait_until(insist, 10, "end after several interrupts")
    assert running.wait().exit_code == 130
    assert_recovered(command, tmp_path, answered, may_miss=0)


def test_a_termination_cancels_and_keeps_what_there_is(command: Command, mock: MockFactory) -> None:
    server = mock()
    running = running_for_a_while(command, server)
    running.signal(signal.SIGTERM)
    assert running.wait(30).exit_code == 143
    assert_partial(command.artifacts, at_least=10)


@pytest.mark.parametrize("workers", ["1", "3"])
def test_a_kill_loses_no_answer_that_was_complete(
    workers: str, command: Command, mock: MockFactory, tmp_path: Path
) -> None:
    server = mock(chat_script())
    running = running_for_a_while(command, server, "--workers-max", workers, concurrency=6, over=100)
    killed_ns = time.monotonic_ns()
    running.signal(signal.SIGKILL)
    assert running.wait().exit_code == -signal.SIGKILL
    words = ["The", " server", " answers."]
    finished = {
        request["x_request_id"]: request["at_ns"] + request["sent_ms"][-1] * 1e6
        for request in server.stop()
        if whole(request, words)
    }
    assert len(finished) >= 100
    # what left the server in the last moment may not have been read any more
    early = {identifier for identifier, at_ns in finished.items() if at_ns < killed_ns - 250e6}
    assert_recovered(command, tmp_path, early, may_miss=0)
    assert len(set(finished) - Artifacts(tmp_path / "copy").good_ids()) <= 6


def test_recovery_of_nothing_is_an_error_in_words(command: Command, workdir: Path) -> None:
    (workdir / "empty").mkdir()
    done = command.run("recover", str(workdir / "empty"))
    assert done.exit_code == 1
    assert len(done.error_lines) == 1
    assert str(workdir / "empty") in done.stderr


def test_a_kill_of_the_mock_server_in_mid_run_ends_the_run_with_errors(command: Command, mock: MockFactory) -> None:
    server = mock()
    running = command.start_profile(server.url, "--request-count", "400", "--concurrency", "2")
    wait_until(lambda: running.ended or server.over() >= 20, HANG_S, "20 answers")
    server.process.kill()
    done = running.wait()
    assert done.exit_code == 0
    assert command.artifacts.value("error_request_count") > 0
    assert command.artifacts.value("request_count") >= 20


# ---- what a run sends


def test_a_duration_ends_sending_and_the_grace_lets_answers_come(command: Command, mock: MockFactory) -> None:
    server = mock(chat_script(answer(first_ms=300)))
    done = command.profile(
        server.url, "--benchmark-duration", "1", "--benchmark-grace-period", "20", "--concurrency", "2"
    )
    assert done.exit_code == 0
    requests = server.stop()
    assert requests[-1]["t_ms"] < 1050
    assert [request for request in requests if request.get("client_closed_ms") is not None] == []
    assert command.artifacts.value("request_count") == len(requests)


def test_what_the_grace_does_not_cover_is_cancelled(command: Command, mock: MockFactory) -> None:
    server = mock(chat_script(answer(), SLOW))
    done = command.start_profile(
        server.url, "--benchmark-duration", "0.5", "--benchmark-grace-period", "0.2", "--concurrency", "1"
    ).wait(20)
    assert done.exit_code == 0
    requests = server.stop()
    assert len(requests) == 2
    assert requests[1]["client_closed_ms"] is not None
    assert command.artifacts.good_ids() == {requests[0]["x_request_id"]}


def test_a_warm_up_is_sent_and_not_counted(command: Command, mock: MockFactory) -> None:
    server = mock()
    done = command.profile(server.url, "--warmup-request-count", "3", "--request-count", "5")
    assert done.exit_code == 0
    sent = [request["x_request_id"] for request in server.stop()]
    assert len(sent) == 8
    assert command.artifacts.value("request_count") == 5
    assert command.artifacts.good_ids() == set(sent[3:])


def bodies(command: Command, mock: MockFactory, *args: str) -> list[str]:
    """Bodies that a run of twenty requests sends, sorted."""
    server = mock()
    flags = ["--request-count", "20", "--concurrency", "4", "--num-dataset-entries", "10", "--isl-stddev", "3"]
    assert command.profile(server.url, *flags, *args).exit_code == 0
    return sorted(json.dumps(request["body"]) for request in server.stop())


def test_a_seed_gives_the_same_requests_for_any_number_of_workers(command: Command, mock: MockFactory) -> None:
    one = bodies(command, mock, "--random-seed", "5", "--workers-max", "1")
    assert len(one) == 20
    assert len(set(one)) == 10
    assert bodies(command, mock, "--random-seed", "5", "--workers-max", "3") == one
    assert bodies(command, mock, "--random-seed", "6", "--workers-max", "1") != one


@pytest.mark.parametrize("workers", ["1", "3"])
def test_constant_arrivals_keep_their_grid_however_slow_the_server(
    workers: str, command: Command, mock: MockFactory
) -> None:
    server = mock(chat_script(answer(first_ms=700)))
    flags = ["--request-rate", "40", "--arrival-pattern", "constant", "--request-count", "40", "--workers-max", workers]
    assert command.profile(server.url, *flags).exit_code == 0
    number = {row["metadata"]["x_request_id"]: row["metadata"]["session_num"] for row in command.artifacts.records()}
    requests = server.stop()
    late = [request["t_ms"] - 25.0 * number[request["x_request_id"]] for request in requests]
    assert len(late) == 40
    # a loop that waited for answers would be 700 ms late at once, one that starts anew from each delay would drift
    assert max(late) - min(late) <= 350, late
    assert abs(median(late[-10:]) - median(late[:10])) <= 25, late


def test_output_into_a_pipe_has_no_escape_sequences(command: Command, mock: MockFactory) -> None:
    args = command.profile_args(mock().url, "--request-count", "5")
    args[args.index("--ui") + 1] = "simple"
    done = command.run(*args)
    assert done.exit_code == 0
    assert "\x1b" not in done.stdout + done.stderr
    assert "\r" not in done.stdout + done.stderr
    assert "Request Latency" in done.stdout


def test_a_second_run_into_the_same_directory_replaces_the_first(command: Command, mock: MockFactory) -> None:
    server = mock()
    for count in ("7", "4"):
        assert command.profile(server.url, "--request-count", count).exit_code == 0
        assert command.artifacts.value("request_count") == float(count)
        assert len(command.artifacts.records()) == int(count)


def test_a_server_that_closes_each_connection_is_no_error(command: Command, mock: MockFactory) -> None:
    reply = {**answer(), "headers": {"Connection": "close"}}
    server = mock(chat_script(reply))
    assert command.profile(server.url, "--request-count", "6").exit_code == 0
    assert command.artifacts.value("request_count") == 6
    assert len(server.stop()) == 6
