"""What signals do to a run that was started from a shell."""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiperf_parity.programs import clean_environment
from command_support import HANG_S, TOKENIZER, answer, chat_script, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from command_support import Mock, Running
    from conftest import Command, MockFactory

REQUESTS = 120
SLOW_ENOUGH = chat_script(answer(first_ms=40, gap_ms=5))
BACKENDS = ["thread", "process"]


def own_group() -> None:
    """As a shell with job control starts a program: Ctrl-Z means its group, and the shell can continue it."""
    os.setpgid(0, 0)


def hangup_ignored() -> None:
    """As nohup starts a program."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def family(pid: int) -> list[int]:
    """A process and its children."""
    found = [pid]
    for listed in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(child) for child in listed.read_text(encoding="ascii").split()]
    return found


def states(pid: int) -> set[str]:
    """The states of all threads of a process, by the kernel's letters."""
    lines = [path.read_text(encoding="utf-8") for path in Path(f"/proc/{pid}/task").glob("*/stat")]
    return {line.rpartition(")")[2].split()[0] for line in lines}


def is_stopped(pid: int) -> bool:
    """Whether all threads of a process, and of its children, are stopped."""
    return all(states(member) == {"T"} for member in family(pid))


def thread_names(pid: int) -> set[str]:
    """The names of a process's threads."""
    return {path.read_text(encoding="utf-8").strip() for path in Path(f"/proc/{pid}/task").glob("*/comm")}


def start_run(command: Command, server: Mock, *args: str, **options: Any) -> Running:
    """A run that has had some answers, has requests in flight and many to go."""
    flags = ["--request-count", str(REQUESTS), "--concurrency", "4", *args]
    running = command.start_profile(server.url, *flags, **options)
    wait_until(lambda: running.ended or server.over() >= 8, HANG_S, "8 answers")
    assert not running.ended, running.wait().stderr
    return running


def assert_complete(command: Command) -> None:
    """Every request is in the artifacts, and none failed."""
    command.artifacts.check_valid()
    assert len(command.artifacts.good_ids()) == REQUESTS
    assert command.artifacts.value("request_count") == REQUESTS
    assert command.artifacts.summary()["was_cancelled"] is False


# ---- Ctrl-Z


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_run_that_is_stopped_and_continued_ends_complete(backend: str, command: Command, mock: MockFactory) -> None:
    server = mock(SLOW_ENOUGH)
    running = start_run(command, server, "--backend", backend, preexec=own_group)
    pid = running.process.pid
    for _ in range(2):
        running.signal(signal.SIGTSTP)
        wait_until(lambda: is_stopped(pid), HANG_S, "stop of the program")
        running.signal(signal.SIGCONT)
        wait_until(lambda: "T" not in states(pid) or running.ended, HANG_S, "end of the stop")
    assert running.wait().exit_code == 0
    assert_complete(command)
    assert len(server.stop()) == REQUESTS


def test_a_stopped_run_sends_nothing(command: Command, mock: MockFactory) -> None:
    server = mock(SLOW_ENOUGH)
    running = start_run(command, server, preexec=own_group)
    running.signal(signal.SIGTSTP)
    wait_until(lambda: is_stopped(running.process.pid), HANG_S, "stop of the program")
    flying = 4
    wait_until(lambda: settled(server), HANG_S, "end of the answers in flight")
    over = server.over()
    assert over <= REQUESTS - flying, "the run was over before it was stopped"
    with pytest.raises(TimeoutError):
        wait_until(lambda: server.over() > over, 0.5, "request of a stopped run")
    running.signal(signal.SIGCONT)
    assert running.wait().exit_code == 0
    assert_complete(command)


def settled(server: Mock) -> bool:
    """Whether the mock has had nothing new for ten times the length of an answer."""
    over = server.over()
    try:
        wait_until(lambda: server.over() > over, 0.4, "answer")
    except TimeoutError:
        return True
    return False


def test_a_stop_that_cannot_be_ended_is_none(command: Command, mock: MockFactory) -> None:
    # In a session of its own nobody could continue it, and the system does not stop it.
    server = mock(SLOW_ENOUGH)
    running = start_run(command, server, preexec=os.setsid)
    running.signal(signal.SIGTSTP)
    assert running.wait().exit_code == 0
    assert_complete(command)


class Terminal:
    """A terminal with a shell that has job control, which runs one script."""

    def __init__(self, script: str, workdir: Path) -> None:
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.chdir(workdir)
            os.execvpe("bash", ["bash", "-m", "-c", script], clean_environment({"TERM": "xterm"}, workdir))
        self.text = ""

    def type(self, keys: bytes) -> None:
        """Presses keys."""
        os.write(self._fd, keys)

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Reads what is shown until it matches."""

        def shown() -> re.Match[str] | None:
            if select.select([self._fd], [], [], 0)[0]:
                try:
                    self.text += os.read(self._fd, 65536).decode("utf-8", "replace")
                except OSError as error:  # the end: nobody has the terminal open any more
                    raise AssertionError(f"the shell has ended without {pattern!r}: {self.text!r}") from error
            return re.search(pattern, self.text, re.DOTALL)

        found = wait_until(shown, HANG_S, f"{pattern!r} on the terminal")
        assert isinstance(found, re.Match)
        return found

    def close(self) -> None:
        """Hangs up, and ends the shell."""
        os.close(self._fd)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


@pytest.fixture
def terminal(command: Command, mock: MockFactory) -> Iterator[Terminal]:
    """A terminal in which a run goes, is waited for, and is continued once where it was stopped."""
    arguments = command.profile_args(mock(SLOW_ENOUGH).url, "--request-count", str(REQUESTS), "--concurrency", "2")
    arguments[arguments.index("--ui") + 1] = "dashboard"
    run = shlex.join([str(command.program), *arguments])
    shell = Terminal(f"{run} >/dev/null; echo shell: $?; fg >/dev/null; echo shell: $?", command.workdir)
    yield shell
    shell.close()


def test_ctrl_z_on_a_terminal_gives_it_back_and_fg_draws_the_progress_anew(
    terminal: Terminal, command: Command
) -> None:
    display = r"profiling \[[= ]*\] +\d+ %"
    terminal.wait_for(display)
    terminal.type(b"\x1a")
    stopped = 128 + signal.SIGTSTP
    erased, line = r"\x1b\[J", rf"profiling: \d+/{REQUESTS} requests[^\r\n]*\r\n"
    terminal.wait_for(rf"{erased}{line}((?!{display}).)*shell: {stopped}\r\n.*{display}.*shell: 0\r\n")
    assert_complete(command)


# ---- SIGUSR1


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_run_tells_where_it_and_its_threads_are_and_goes_on(
    backend: str, command: Command, mock: MockFactory
) -> None:
    server = mock(SLOW_ENOUGH)
    running = start_run(command, server, "--workers-max", "2", "--backend", backend)
    pid = running.process.pid
    running.signal(signal.SIGUSR1)
    done = running.wait()
    assert done.exit_code == 0
    assert_complete(command)
    report = done.stderr[done.stderr.index("SIGUSR1: where the run is\n") :]
    assert "profiling" in report.splitlines()[1]
    assert f"  process {pid}:\n    aiperf-cpp (tid {pid}): running, " in report
    for worker in ("worker 0", "worker 1"):
        place = r"(sleeping in epoll_\w+|running)"
        assert re.search(rf"^    {worker} \(tid \d+\): {place}, \d+\.\d\d s of CPU$", report, re.MULTILINE)
    assert re.search(r"^    journal \(tid \d+\): ", report, re.MULTILINE)


# ---- in the results server's grace


def test_in_the_grace_only_a_signal_that_asks_for_the_end_ends_it(command: Command, mock: MockFactory) -> None:
    flags = ["--request-count", "4", "--api-port", "0"]
    grace = {"AIPERF_API_SERVER_POST_COMPLETE_GRACE": "300"}
    running = command.start_profile(mock().url, *flags, env=grace, preexec=own_group)
    pid = running.process.pid
    wait_until(lambda: running.stdout, HANG_S, "report of the run")
    running.signal(signal.SIGUSR1)
    wait_until(lambda: f"  process {pid}:\n" in running.stderr, HANG_S, "report of the threads")
    running.signal(signal.SIGTSTP)
    wait_until(lambda: is_stopped(pid), HANG_S, "stop of the program")
    running.signal(signal.SIGCONT)
    wait_until(lambda: "T" not in states(pid), HANG_S, "end of the stop")
    running.signal(signal.SIGUSR1)
    wait_until(lambda: running.stderr.count(f"  process {pid}:\n") == 2, HANG_S, "second report")
    assert not running.ended
    running.signal(signal.SIGTERM)
    assert running.wait().exit_code == 0


# ---- while the run is being prepared


class SlowCache:
    """A model cache with one tokenizer, in which it cannot be read which commit is the current one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._current = folder / "models--slow--model" / "refs" / "main"
        self._current.parent.mkdir(parents=True)
        os.mkfifo(self._current)
        snapshots = folder / "models--slow--model" / "snapshots"
        snapshots.mkdir()
        (snapshots / "abc").symlink_to(TOKENIZER)

    def answer(self) -> None:
        """Lets the reader go on."""
        self._current.write_text("abc\n", encoding="ascii")


@pytest.fixture
def slow_cache(tmp_path: Path) -> SlowCache:
    """Such a cache."""
    return SlowCache(tmp_path / "hub")


def start_preparing(command: Command, server: Mock, cache: SlowCache, **options: Any) -> Running:
    """A run that is being prepared, and stays so."""
    flags = command.profile_args(server.url, "--request-count", str(REQUESTS), "--concurrency", "4")
    flags[flags.index("--tokenizer") + 1] = "slow/model"
    running = command.start(*flags, env={"HF_HUB_CACHE": str(cache.folder)}, **options)
    wait_until(lambda: running.ended or "signals" in thread_names(running.process.pid), HANG_S, "preparation")
    assert not running.ended, running.wait().stderr
    return running


def test_a_run_in_preparation_tells_where_it_is_can_be_stopped_and_goes_on(
    command: Command, mock: MockFactory, slow_cache: SlowCache
) -> None:
    running = start_preparing(command, mock(), slow_cache, preexec=own_group)
    pid = running.process.pid
    running.signal(signal.SIGUSR1)
    running.signal(signal.SIGTSTP)
    wait_until(lambda: is_stopped(pid), HANG_S, "stop of the program")
    running.signal(signal.SIGCONT)
    wait_until(lambda: "T" not in states(pid), HANG_S, "end of the stop")
    slow_cache.answer()
    done = running.wait()
    assert done.exit_code == 0
    assert_complete(command)
    assert f"SIGUSR1: where the run is\n  it is being prepared\n  process {pid}:\n" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_asks_for_the_end_ends_the_preparation(
    number: signal.Signals, command: Command, mock: MockFactory, slow_cache: SlowCache
) -> None:
    running = start_preparing(command, mock(), slow_cache)
    running.signal(number)
    assert running.wait().exit_code == 128 + number
    assert not command.artifacts.directory.exists()


# ---- SIGHUP


def test_a_hangup_cancels_and_keeps_what_there_is(command: Command, mock: MockFactory) -> None:
    running = start_run(command, mock(SLOW_ENOUGH))
    running.signal(signal.SIGHUP)
    assert running.wait().exit_code == 129
    command.artifacts.check_valid()
    assert command.artifacts.summary()["was_cancelled"] is True
    assert 8 <= len(command.artifacts.good_ids()) < REQUESTS


def test_a_hangup_that_was_ignored_at_the_start_stays_ignored(command: Command, mock: MockFactory) -> None:
    running = start_run(command, mock(SLOW_ENOUGH), preexec=hangup_ignored)
    running.signal(signal.SIGHUP)
    assert running.wait().exit_code == 0
    assert_complete(command)
