"""One run: the mock server, the command, one fault at its instant, the end."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiperf_parity.programs import Mock, clean_environment, stop

from aiperf_soak.answers import Served
from aiperf_soak.members import MARK, end_all, find, members
from aiperf_soak.places import Place
from aiperf_soak.plan import ANSWER_TOKENS, CONTROLLER, FIRST_TOKEN_MS, GRACE_S, TOKEN_GAP_MS, Plan

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HANG_S = 60.0
POLL_S = 0.003
MOCK_FLAGS = ["--ttft-ms", str(FIRST_TOKEN_MS), "--itl-ms", str(TOKEN_GAP_MS), "--ignore-max-tokens"]
MOCK_FLAGS += ["--output-tokens", str(ANSWER_TOKENS)]
RUNNING = b'{"status":"running"'


@dataclass
class Trace:
    """What happened, in CLOCK_MONOTONIC ns; 0 = it did not."""

    launched_ns: int = 0
    fault_ns: int = 0  # just before it
    hit: bool = False  # the fault found its target
    had_status: bool = False  # there was a status.json at that instant
    terminal_ns: int = 0  # status.json was seen to have turned
    ended_ns: int = 0
    exit_code: int | None = None  # as subprocess has it: -9 for SIGKILL; None: it hung
    api_port: int | None = None
    last_children: list[str] = field(default_factory=list)
    served: Served = field(default_factory=Served)


class Trial:
    """Runs a plan in a folder of its own. Call close() in any case."""

    def __init__(self, plan: Plan, program: Path, folder: Path) -> None:
        self.plan = plan
        self.program = program
        self.folder = folder
        self.mark = f"{plan.seed}-{plan.index}-{os.getpid()}-{time.monotonic_ns()}"
        self.trace = Trace()
        folder.mkdir(parents=True)
        disks = {"full disk": 32 * 1024, "small disk": plan.fault.disk_kib}
        self.place = Place(folder / "disk", disks.get(plan.fault.kind))
        self.artifacts = self.place.folder / "artifacts"
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        self.journals = folder / "journals" if plan.journal_apart else None
        self._process: subprocess.Popen[bytes] | None = None
        self._mock: Mock | None = None

    def environment(self) -> dict[str, str]:
        """Of the program: the mark, a folder for temporary files, a short grace."""
        variables = {
            MARK: self.mark,
            "TMPDIR": str(self.temporary),
            "AIPERF_API_SERVER_POST_COMPLETE_GRACE": str(GRACE_S),
        }
        if self.journals is not None:
            self.journals.mkdir(exist_ok=True)
            variables["AIPERF_JOURNAL_DIR"] = str(self.journals)
        return clean_environment(variables, self.folder)

    def run(self) -> Trace:
        """From the launch to the end, the mock's included."""
        self._mock = Mock(self.program, self.folder / "mock", flags=MOCK_FLAGS)
        command = [str(self.program), "profile", "-m", "m", "--url", self._mock.url, "--tokenizer", "builtin"]
        command += ["--ui", "none", "--isl", "12", "--artifact-dir", str(self.artifacts), *self.plan.flags()]
        self._process = self.start(command, "run")
        self.trace.launched_ns = time.monotonic_ns()
        self._inflict()
        if not self._until(lambda: False, HANG_S):
            self.trace.exit_code = self._process.returncode
        self.trace.ended_ns = time.monotonic_ns()
        self.trace.served = self._served()
        return self.trace

    def start(self, command: list[str], name: str) -> subprocess.Popen[bytes]:
        """Starts a command with the run's environment, as the leader of its own session; output goes to files."""
        with (self.folder / f"{name}.out").open("wb") as out, (self.folder / f"{name}.err").open("wb") as err:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    def output(self, name: str) -> str:
        """What a command has written to stderr."""
        return (self.folder / f"{name}.err").read_text(encoding="utf-8", errors="replace")

    def close(self) -> None:
        """Ends and releases all."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if self._mock is not None:
            stop(self._mock.process)
        end_all(self.mark)
        self.place.repair(self.artifacts)
        self.place.close()

    def _served(self) -> Served:
        """What the mock has answered, once it has noticed that all its clients are gone."""
        assert self._mock is not None
        deadline = time.monotonic() + 5
        while self._mock.connections() and time.monotonic() < deadline:
            time.sleep(POLL_S)
        return Served.of(self._mock.stop(), self.plan.streaming)

    # ---- waiting

    def _look(self) -> None:
        """Notes what the files say now."""
        if self.trace.terminal_ns == 0:
            with suppress(OSError):
                text = (self.artifacts / "status.json").read_bytes()
                if text and not text.startswith(RUNNING):
                    self.trace.terminal_ns = time.monotonic_ns()

    def _until(self, condition: Callable[[], Any], limit_s: float) -> bool:
        """Waits for the condition. False: the program has ended before."""
        assert self._process is not None
        deadline = time.monotonic() + limit_s
        while True:
            self._look()
            if self._process.poll() is not None:
                return False
            if condition() or time.monotonic() >= deadline:
                return True
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(POLL_S)

    # ---- the fault

    def _inflict(self) -> None:
        fault = self.plan.fault
        if fault.kind == "small disk":
            self.trace.fault_ns, self.trace.hit = self.trace.launched_ns, True
        if fault.kind in ("none", "small disk"):
            return
        mock = self._mock
        assert mock is not None
        anchors: dict[str, Callable[[], Any]] = {
            "launch": lambda: True,
            "load": lambda: mock.over() > 0,
            "last": lambda: mock.over() >= (self.plan.requests or 0) + self.plan.warmup,
            "end": lambda: self.trace.terminal_ns,
        }
        if not self._until(anchors[fault.anchor], HANG_S):
            return
        due = time.monotonic() + fault.delay_s
        if not self._until(lambda: time.monotonic() >= due, HANG_S):
            return
        self._note_instant()
        {
            "kill": lambda: self._signal_member(signal.SIGKILL),
            "stop": self._stop_and_continue,
            "signal": self._end_signals,
            "full disk": self._fill,
            "locked directory": self._lock,
        }[fault.kind]()

    def _note_instant(self) -> None:
        self.trace.fault_ns = time.monotonic_ns()
        self.trace.had_status = (self.artifacts / "status.json").exists()
        self.trace.last_children = [member.name for member in members(self.mark)]

    def _signal_member(self, number: int) -> int | None:
        """Signals the target; one that is being started is waited for a moment. Returns its pid."""
        assert self._process is not None
        member = find(self.mark, self.plan.fault.target, 0.3)
        if member is None or (member.name == CONTROLLER and self._process.poll() is not None):
            return None
        self.trace.fault_ns = time.monotonic_ns()
        try:
            os.kill(member.pid, number)
        except ProcessLookupError:
            return None
        self.trace.hit = True
        return member.pid

    def _stop_and_continue(self) -> None:
        pid = self._signal_member(signal.SIGSTOP)
        if pid is None:
            return
        due = time.monotonic() + self.plan.fault.pause_s
        self._until(lambda: time.monotonic() >= due, HANG_S)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    def _end_signals(self) -> None:
        assert self._process is not None
        for turn, number in enumerate(self.plan.fault.signals):
            due = time.monotonic() + (self.plan.fault.pause_s if turn else 0)
            if not self._until(lambda due=due: time.monotonic() >= due, HANG_S):  # type: ignore[misc]
                return
            if self.plan.fault.to_group:
                os.killpg(self._process.pid, number)
            else:
                self._process.send_signal(number)
            self.trace.hit = True

    def _fill(self) -> None:
        self.place.fill()
        self.trace.hit = True

    def _lock(self) -> None:
        self.place.lock(self.artifacts)
        self.trace.hit = True
