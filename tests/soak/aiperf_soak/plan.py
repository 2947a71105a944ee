"""What one run of the soak is: drawn from a seed and the run's index, and from nothing else."""

from __future__ import annotations

import random
import signal
from dataclasses import dataclass, replace

CONTROLLER = "controller"
RESULTS_SERVER = "results-server"
BACKENDS = ("thread", "process")
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GRACE_S = 0.6
ANSWER_TOKENS = 6
FIRST_TOKEN_MS = 8.0
TOKEN_GAP_MS = 3.0
EXPORT_S = 0.2  # from the last answer to the terminal status, about
ANSWER_S = (FIRST_TOKEN_MS + (ANSWER_TOKENS - 1) * TOKEN_GAP_MS) / 1000
START_S = 0.6  # from the launch to the first request, about


@dataclass(frozen=True)
class Fault:
    """What is done to a run, and when: `delay_s` after the launch, the first answer, the last, the terminal status."""

    kind: str = "none"  # none, kill, stop, signal, full disk, small disk, locked directory
    target: str = CONTROLLER
    signals: tuple[signal.Signals, ...] = ()
    to_group: bool = False
    pause_s: float = 0.0  # from SIGSTOP to SIGCONT, or to the second signal
    anchor: str = "launch"  # launch, load, last, end
    delay_s: float = 0.0
    disk_kib: int = 0

    def __str__(self) -> str:
        if self.kind == "none":
            return "no fault"
        if self.kind == "small disk":
            return f"disk of {self.disk_kib} KiB"
        numbers = "+".join(number.name for number in self.signals)
        what = {
            "kill": f"SIGKILL to {self.target}",
            "stop": f"SIGSTOP to {self.target} for {self.pause_s:.2f} s",
            "signal": f"{numbers} to the {'group' if self.to_group else 'program'}",
        }.get(self.kind, self.kind)
        if len(self.signals) > 1:
            what += f" ({self.pause_s:.2f} s between)"
        return f"{what} {self.delay_s:.2f} s after {self.anchor}"


@dataclass(frozen=True)
class Plan:
    """One run: the command's options and the fault."""

    seed: int
    index: int
    backend: str
    workers: int
    concurrency: int
    streaming: bool
    api: bool
    requests: int | None
    duration_s: float | None
    warmup: int
    on_worker_death: str
    journal_apart: bool
    fault: Fault

    @property
    def load_s(self) -> float:
        """How long the load lasts, about."""
        if self.duration_s is not None:
            return self.duration_s
        return (self.requests or 0) / self.concurrency * ANSWER_S

    def flags(self) -> list[str]:
        """Options of `aiperf-cpp profile` that the plan decides."""
        flags = ["--backend", self.backend, "--workers-max", str(self.workers), "--concurrency", str(self.concurrency)]
        flags += ["--on-worker-death", self.on_worker_death, "--random-seed", str(self.index + 1)]
        if self.requests is not None:
            flags += ["--request-count", str(self.requests)]
        if self.duration_s is not None:
            flags += ["--benchmark-duration", f"{self.duration_s:.2f}", "--benchmark-grace-period", "0.3"]
        flags += ["--warmup-request-count", str(self.warmup)] if self.warmup else []
        flags += ["--streaming"] if self.streaming else []
        return flags + (["--api-port", "0"] if self.api else [])

    def __str__(self) -> str:
        load = f"{self.requests} requests" if self.requests is not None else f"{self.duration_s:.2f} s"
        words = [self.backend, f"{self.workers}w", f"c{self.concurrency}", load]
        words += [word for word, told in (("stream", self.streaming), ("api", self.api)) if told]
        words += [f"+{self.warmup}"] if self.warmup else []
        words += ["journal apart"] if self.journal_apart else []
        words += [f"on death {self.on_worker_death}"] if self.backend == "process" else []
        return f"{' '.join(words)}; {self.fault}"


def draw(seed: int, index: int, backends: tuple[str, ...] = BACKENDS) -> Plan:
    """The plan of one run. Every fourth has no fault."""
    rng = random.Random(f"{seed}/{index}")
    backend = rng.choice(BACKENDS)
    plan = Plan(
        seed=seed,
        index=index,
        backend=backend if backend in backends else backends[0],
        workers=rng.choice((1, 3)),
        concurrency=rng.choice((3, 4, 8)),
        streaming=rng.random() < 0.6,
        api=rng.random() < 0.5,
        requests=None,
        duration_s=None,
        warmup=rng.choice((0, 0, 5)),
        on_worker_death=rng.choice(("abort", "continue")),
        journal_apart=rng.random() < 0.25,
        fault=Fault(),
    )
    if rng.random() < 0.6:
        plan = replace(plan, requests=int(plan.concurrency / ANSWER_S * rng.uniform(0.3, 1.5)))
    else:
        plan = replace(plan, duration_s=round(rng.uniform(0.4, 1.5), 2))
    return plan if index % 4 == 3 else replace(plan, fault=_draw_fault(plan, rng))


def _draw_fault(plan: Plan, rng: random.Random) -> Fault:
    """What is done; the instant lies between the launch and the end of the results server's grace."""
    kinds = ("kill", "stop", "signal", "full disk", "small disk", "locked directory")
    kind = rng.choices(kinds, weights=(5, 3, 5, 1, 1, 1))[0]
    possible = (True, True, plan.requests is not None, plan.api)
    weights = [weight * allowed for weight, allowed in zip((2, 5, 2, 2), possible, strict=True)]
    anchor = rng.choices(("launch", "load", "last", "end"), weights)[0]
    longest_s = {"launch": START_S, "load": plan.load_s, "last": EXPORT_S, "end": GRACE_S}[anchor]
    fault = Fault(kind, anchor=anchor, delay_s=round(rng.uniform(0, longest_s), 3))
    members = [CONTROLLER]
    if plan.backend == "process":
        members += [f"worker_{rng.randrange(plan.workers)}"] * 2 + [RESULTS_SERVER] * plan.api
    if kind in ("kill", "stop"):
        return replace(fault, target=rng.choice(members), pause_s=round(rng.uniform(0.1, 1.5), 2))
    if kind == "signal":
        signals = tuple(rng.choices(ENDING_SIGNALS, k=rng.choice((1, 1, 2))))
        return replace(fault, signals=signals, to_group=rng.random() < 0.3, pause_s=round(rng.uniform(0, 0.4), 3))
    if kind == "small disk":
        return Fault(kind, disk_kib=rng.choice((4, 16, 32, 64, 128, 256, 512)))
    return fault
