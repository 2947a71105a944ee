#!/usr/bin/env python3
"""Replays recorded runs of AIPerf with aiperf-cpp and says where the two differ.

    tests/parity/run.py --cases DIR [--tokenizer DIR] [--program PATH] [--workers N ...] [--backend NAME ...] [NAME ...]

What may differ is listed, with reasons, in exceptions.json beside this file, and nowhere else.
Exit code: 0 nothing failed, 1 something did, 2 it could not be tried.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from aiperf_parity.case import load_cases
from aiperf_parity.policy import DEFAULT_FILE, Policy
from aiperf_parity.programs import find_program
from aiperf_parity.replay import Setup, replay
from aiperf_parity.tokens import load_counter
from aiperf_parity.verdicts import Judge, Judgement, summary_lines

BACKENDS = ("thread", "process")


def parse_arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="cases to replay (default: all)")
    parser.add_argument("--cases", type=Path, required=True, help="folder with a folder per case")
    parser.add_argument("--tokenizer", type=Path, help="folder of tokenizer.json (default: CASES/../tokenizer)")
    parser.add_argument("--program", type=Path, help="aiperf-cpp (default: AIPERF_CPP_PROGRAM, build/*, PATH)")
    parser.add_argument("--workers", nargs="+", default=["1"], help="worker counts to try (default: 1)")
    parser.add_argument("--backend", nargs="+", default=[None], help="backends to try (default: the program's own)")
    parser.add_argument("--exceptions", type=Path, default=DEFAULT_FILE, help="list of meant differences")
    parser.add_argument("--time-tolerance-ms", type=float, default=60.0, help="how late one measured time may be")
    parser.add_argument("--keep", type=Path, help="keep the folders of the runs here")
    parser.add_argument("--all-must-pass", action="store_true", help="a case that is not yet there is a failure")
    arguments = parser.parse_args(argv)
    # what follows the numbers or the backends are names of cases
    arguments.names += [text for text in arguments.workers if not text.isdigit()]
    arguments.workers = [int(text) for text in arguments.workers if text.isdigit()] or [1]
    arguments.names += [text for text in arguments.backend if text not in (None, *BACKENDS)]
    arguments.backend = [text for text in arguments.backend if text in (None, *BACKENDS)] or [None]
    return arguments


def replay_all(arguments: argparse.Namespace, program: Path, policy: Policy) -> list[Judgement]:
    """Replays each case in each setup, one after the other, printing as it goes."""
    tokenizer = arguments.tokenizer or arguments.cases.resolve().parent / "tokenizer"
    judge = Judge(policy, load_counter(tokenizer), {"time_tolerance_ms": arguments.time_tolerance_ms})
    judgements = []
    for case in load_cases(arguments.cases, arguments.names):
        for workers in arguments.workers:
            for backend in arguments.backend:
                setup = Setup(program, tokenizer, workers, backend, arguments.keep)
                label = f"workers={workers}" + (f" backend={backend}" if backend else "")
                try:
                    judgement = judge(case, replay(case, setup), workers, label)
                except (OSError, RuntimeError, TimeoutError) as error:
                    judgement = Judgement(case, label)
                    judgement.fail("replay", f"could not be run: {error}")
                judgements.append(judgement)
                print("\n".join(judgements[-1].lines()), flush=True)
    return judgements


def main() -> int:
    """Entry point."""
    arguments = parse_arguments()
    program = arguments.program.resolve() if arguments.program else find_program()
    if program is None or not program.is_file():
        print("no program aiperf-cpp: give --program, or build it", file=sys.stderr)
        return 2
    policy = Policy.load(arguments.exceptions)
    judgements = replay_all(arguments, program, policy)
    print("\n".join(summary_lines(judgements, policy, say_idle=not arguments.names)))
    bad = {"failed", "not yet"} if arguments.all_must_pass else {"failed"}
    return int(not judgements or any(judgement.word in bad for judgement in judgements))


if __name__ == "__main__":
    raise SystemExit(main())
