#!/usr/bin/env python3
"""Many short runs of aiperf-cpp, each with one fault at a random instant, and checks of what is left.

    tests/soak/run.py [--runs N] [--seed N] [--backend thread|process] [--jobs N] [--only INDEX ...]

The seed is printed first; seed and index decide what a run is and what is done to it. As root, runs have /tmp and
/dev/shm to themselves, and small disks to fill; without that right these faults are left out.
Exit code: 0 nothing failed, 1 something did, 2 it could not be tried.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "parity"))

from dataclasses import replace

from aiperf_parity.programs import ROOT, find_program
from aiperf_soak.places import can_be_tried, enter_private_mounts
from aiperf_soak.plan import BACKENDS, Fault, Plan, draw
from aiperf_soak.trial import Trial
from aiperf_soak.verdict import Verdict, stage


@dataclass
class Outcome:
    """What one run came to."""

    plan: Plan
    line: str
    problems: list[str]
    hit: bool


def parse_arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--runs", type=int, default=200, help="how many (200)")
    parser.add_argument("--seed", type=int, help="of all that is random; without it a new one")
    parser.add_argument("--only", type=int, nargs="+", metavar="INDEX", help="these runs of the seed only")
    parser.add_argument("--backend", choices=BACKENDS, help="this backend only")
    parser.add_argument("--jobs", type=int, default=3, help="runs at a time (3)")
    parser.add_argument("--program", type=Path, help="aiperf-cpp; without it the newest in build/, else on PATH")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "soak", help="folder for what the runs write")
    return parser.parse_args(argv)


def run_one(plan: Plan, program: Path, work: Path) -> Outcome:
    """Runs and judges one plan. The folder of a run that failed stays."""
    folder = work / f"{plan.seed}-{plan.index}"
    shutil.rmtree(folder, ignore_errors=True)
    trial = Trial(plan, program, folder)
    began = time.monotonic()
    try:
        trace = trial.run()
        problems = Verdict(trial).judge()
    except Exception as error:  # the next runs tell whether it was this one's
        problems, trace = [f"{type(error).__name__}: {error}"], trial.trace
    finally:
        trial.close()
    where = f"hit in {stage(plan, trace)}" if trace.hit else "not hit" if plan.fault.kind != "none" else "-"
    served = trace.served
    result = f"exit {trace.exit_code}, {len(served.finished)} of {len(served.received)} answered, {where}"
    took_s = time.monotonic() - began
    line = f"{'FAIL' if problems else 'ok  '} {plan.index:3} {plan} -> {result}, {took_s:.1f} s"
    if not problems:
        shutil.rmtree(folder)
    return Outcome(plan, line, problems, trace.hit)


def plans_of(arguments: argparse.Namespace) -> list[Plan]:
    """What is to be run."""
    backends = (arguments.backend,) if arguments.backend else BACKENDS
    plans = [draw(arguments.seed, index, backends) for index in arguments.only or range(arguments.runs)]
    return [plan if can_be_tried(plan.fault.kind) else replace(plan, fault=Fault()) for plan in plans]


def report(outcome: Outcome, arguments: argparse.Namespace) -> None:
    """One line; of a failed run also why, and how to repeat it."""
    print(outcome.line, flush=True)
    if outcome.problems:
        for problem in outcome.problems:
            print(f"         {problem}")
        backend = f" --backend {arguments.backend}" if arguments.backend else ""
        print(f"         repeat: tests/soak/run.py --seed {arguments.seed} --only {outcome.plan.index}{backend}")
        print(f"         left in: {arguments.work}/{arguments.seed}-{outcome.plan.index}", flush=True)


def main() -> int:
    """The program."""
    arguments = parse_arguments()
    program = arguments.program.resolve() if arguments.program else find_program()
    if program is None or not program.exists():
        print("no program aiperf-cpp; run `make build`, or name it with --program", file=sys.stderr)
        return 2
    arguments.work.mkdir(parents=True, exist_ok=True)
    enter_private_mounts([ROOT, program.parent, arguments.work.resolve()])
    if arguments.seed is None:
        arguments.seed = random.SystemRandom().randrange(1_000_000)
    plans = plans_of(arguments)
    print(f"seed {arguments.seed}, {len(plans)} runs of {program}", flush=True)
    with ThreadPoolExecutor(arguments.jobs) as pool:
        runs = [pool.submit(run_one, plan, program, arguments.work.resolve()) for plan in plans]
        outcomes = []
        for run in as_completed(runs):
            outcomes.append(run.result())
            report(outcomes[-1], arguments)
    kinds = Counter(outcome.plan.fault.kind if outcome.hit else "no fault" for outcome in outcomes)
    failed = sum(bool(outcome.problems) for outcome in outcomes)
    print(
        f"{len(outcomes)} runs, {failed} failed; "
        + ", ".join(f"{kind}: {count}" for kind, count in kinds.most_common())
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
