"""What must be true after a run: its exit code, what is left of it, and its records."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from typing import TYPE_CHECKING, Any

from aiperf_soak.answers import Recorded
from aiperf_soak.members import left_after
from aiperf_soak.places import temporary_files
from aiperf_soak.plan import ANSWER_S, CONTROLLER, RESULTS_SERVER

if TYPE_CHECKING:
    from pathlib import Path

    from aiperf_soak.answers import Served
    from aiperf_soak.plan import Plan
    from aiperf_soak.trial import Trace, Trial

SURELY_S = 0.4  # a fault this long before the load's end comes before it, however late it is seen
ORPHANS_S = 2.0
ONE_LOOK_S = 0.15  # the program looks for signals 20 times a second
READY_MARKER = ".aiperf_results_ready.json"
BAD_WORDS = ("terminate called", "Assertion", "stuck in", "runtime error", "Sanitizer")
DISK_FAULTS = ("full disk", "small disk", "locked directory")


def stage(plan: Plan, trace: Trace) -> str:
    """Where the run was at the instant of the fault: start, load, end, or hold (the status had turned)."""
    served, at_ns = trace.served, trace.fault_ns
    if trace.terminal_ns and trace.terminal_ns <= at_ns:
        return "hold"
    if served.first_ns == 0 or at_ns < served.first_ns:
        return "start"
    if plan.requests is not None:
        left = plan.requests + plan.warmup - served.finished_by(at_ns)
        left_s = left / plan.concurrency * ANSWER_S
    else:
        left_s = (plan.duration_s or 0) - (at_ns - served.first_ns) / 1e9
    return "load" if left_s > SURELY_S else "end"


def allowed_codes(plan: Plan, trace: Trace) -> set[int]:
    """The documented exit codes of this fault at this stage, as narrow as can be told from outside."""
    fault, at = plan.fault, stage(plan, trace)
    if not trace.hit:
        return {0}
    if fault.kind == "stop":
        return _codes_of_stop(plan, at)
    if fault.kind == "kill":
        return _codes_of_kill(plan, at)
    if fault.kind == "signal":
        return _codes_of_signals(plan, trace, at)
    if fault.kind == "small disk":  # the look at the machine may refuse it before anything is written
        return {0, 1, 2} if at == "start" else {0, 1}
    # A journal on the full disk gives back, at the end of the load, what it has reserved: the artifacts may find room.
    surely = {1} if plan.journal_apart or fault.kind == "locked directory" else {0, 1}
    return {"start": surely, "load": surely, "end": {0, 1}, "hold": {0}}[at]


def _codes_of_stop(plan: Plan, at: str) -> set[int]:
    """A worker that stands still for as long as the load lasts sends nothing of it: a run of nothing is no success."""
    stands_still = plan.fault.target != CONTROLLER and plan.fault.pause_s >= (plan.duration_s or float("inf"))
    return {0, 1} if at == "start" and stands_still else {0}


def _codes_of_signals(plan: Plan, trace: Trace, at: str) -> set[int]:
    fault = plan.fault
    # The system does not tell the order of signals that wait together.
    first = set(map(int, fault.signals if fault.pause_s < ONE_LOOK_S else fault.signals[:1]))
    codes = {128 + number for number in first}
    if at == "start" and not trace.had_status:
        # Before the program has its handlers, the signal does what it does to any program.
        codes |= {-number for number in first}
    return {"end": codes | {0}, "hold": {0}}.get(at, codes)


def _codes_of_kill(plan: Plan, at: str) -> set[int]:
    if plan.fault.target == CONTROLLER:
        return {-signal.SIGKILL}
    if at == "hold":
        return {0}
    if plan.fault.target == RESULTS_SERVER:
        return {0, 1} if at == "start" else {0}
    survives = plan.on_worker_death == "continue" and plan.workers > 1
    if at == "end":
        return {0, 1}
    if survives:
        return {0, 1} if at == "start" else {0}
    return {1}


def differences(served: Served, recorded: Recorded, may_be_lost: int) -> list[str]:
    """Where the records do not tell what the server has done. Of the finished answers, some may have been in flight."""
    good = recorded.good()
    found = {
        "requests that were received are in no record": served.received - recorded.lines.keys(),
        "good records are of answers that were not finished": good - served.finished.keys(),
    }
    lost = served.finished.keys() - good
    if len(lost) > may_be_lost:
        found[f"finished answers are not among the good records, {may_be_lost} may be"] = lost
    return [f"{len(ids)} {what}: {sorted(ids)[:3]}" for what, ids in found.items() if ids]


class Verdict:
    """Collects what is wrong with one run."""

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        self.plan = trial.plan
        self.trace = trial.trace
        self.problems: list[str] = []

    def judge(self) -> list[str]:
        """All checks; empty = all is well."""
        if self.trace.exit_code is None:
            self._say(f"hangs: no end; stderr: {self.trial.output('run')[-2000:]}")
            return self.problems
        self._check_exit_code()
        self._check_nothing_left()
        repaired = self.plan.fault.kind in DISK_FAULTS
        if not repaired:
            self._check_status(may_be_old=False)
            self._check_temporary_files(in_artifacts=self.trace.exit_code != -signal.SIGKILL)
        else:
            self._check_status(may_be_old=True)
            self._check_temporary_files(in_artifacts=self.plan.fault.kind != "locked directory")
            self.trial.place.repair(self.trial.artifacts)
        if self._make_records():
            self._check_temporary_files(in_artifacts=True)
            self._check_records(Recorded.of(self.trial.artifacts))
        return self.problems

    def _say(self, problem: str) -> None:
        self.problems.append(problem)

    def _check_exit_code(self) -> None:
        allowed = allowed_codes(self.plan, self.trace)
        if self.trace.exit_code not in allowed:
            at = stage(self.plan, self.trace)
            self._say(f"exit code {self.trace.exit_code} (fault in {at}), allowed: {sorted(allowed)}")
        for word in BAD_WORDS:
            if word in self.trial.output("run"):
                self._say(f"stderr: {self.trial.output('run')[-1000:]}")

    def _check_nothing_left(self) -> None:
        code = self.trace.exit_code or 0
        abrupt = code < 0 or len(self.plan.fault.signals) > 1
        for member in left_after(self.trial.mark, ORPHANS_S if abrupt else 0):
            self._say(f"still alive: {member.name} (pid {member.pid})")
        api = self.trial.artifacts / "api.json"
        if api.exists() and api.stat().st_size:
            port = int(json.loads(api.read_text(encoding="utf-8"))["port"])
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError as error:
                    self._say(f"the results server's port {port}: {error}")

    def _check_temporary_files(self, in_artifacts: bool) -> None:
        left = list(self.trial.temporary.iterdir()) + temporary_files()
        if in_artifacts and self.trial.artifacts.is_dir():
            left += [path for path in self.trial.artifacts.rglob("*") if path.name.endswith((".tmp", ".new"))]
        for path in left:
            self._say(f"a file is left: {path}")

    def _check_status(self, may_be_old: bool) -> None:
        code = self.trace.exit_code or 0
        path = self.trial.artifacts / "status.json"
        if code == -signal.SIGKILL:
            return
        if not path.exists():
            started = self.trace.served.received or self.trace.had_status
            if not may_be_old and started:
                self._say("there is no status.json")
            return
        status: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if status["status"] == "running":
            if not may_be_old:
                self._say("status.json still says running")
            return
        if status["exit_code"] != code:
            self._say(f"status.json has exit code {status['exit_code']}, the program {code}")
        expected = {0: ("complete",), 1: ("complete", "incomplete")}.get(code, ("cancelled", "incomplete"))
        if status["status"] not in expected:
            self._say(f"status {status['status']} with exit code {code}")
        whole = status["status"] in ("complete", "cancelled")
        if whole and not (self.trial.artifacts / READY_MARKER).exists():
            self._say(f"status {status['status']} without the ready marker")

    # ---- records

    def _journal(self) -> Path:
        journals = self.trial.journals
        return self.trial.artifacts / "journal" if journals is None else journals / self.trial.artifacts.name

    def _make_records(self) -> bool:
        """Recovers what has no artifacts. False: there is nothing to look at, as nothing was sent."""
        ready = (self.trial.artifacts / READY_MARKER).exists()
        code, text = self._recover()
        if ready:
            if code != 1 or "ended in good order" not in text:
                self._say(f"recover of a whole run: exit code {code}: {text[-500:]}")
            return True
        if code == 1 and not self.trace.served.received:
            return False
        if code not in (0, 1) or not (self.trial.artifacts / READY_MARKER).exists():
            self._say(f"recover failed with exit code {code}: {text[-500:]}")
            return False
        return True

    def _recover(self) -> tuple[int, str]:
        process = self.trial.start([str(self.trial.program), "recover", str(self.trial.artifacts)], "recover")
        try:
            code = process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return -1, "recover hangs"
        return code, self.trial.output("recover")

    def _check_records(self, recorded: Recorded) -> None:
        self.problems += recorded.problems
        self.problems += differences(self.trace.served, recorded, self._may_be_lost())
        if self.trace.exit_code == 0 and self.plan.requests is not None:
            lines = len(recorded.profiling(True)) + len(recorded.profiling(False))
            if lines != self.plan.requests:
                self._say(f"{lines} records of {self.plan.requests} requests in a run with exit code 0")

    def _may_be_lost(self) -> int:
        """Answers that were in flight at the instant, or were closed by a phase's end."""
        harmless = not self.trace.hit or self.plan.fault.kind == "stop" or self.plan.fault.target == RESULTS_SERVER
        if harmless and self.plan.duration_s is None:
            return 0
        return self.plan.concurrency
