"""How true sends are to their schedule, as the receiving side sees it.

One program stamps requests as they arrive (the kernel's stamps, on the receiver's sockets); senders take turns: a bare
loop of one timerfd and one send, which is the floor of this machine, then this client, then other tools where they are
installed. Each side has a core of its own. Rounds alternate between the senders, so that a change of the machine meets
all. Each table comes twice: with medians over all rounds and ratios to the floor of the same round; and of the quiet
rounds, each sender's third with the lowest 99th percentile of lateness, for machines that stop now and then.

Lateness is against the asked grid, laid through the earliest of the arrivals; interval error is the distance of each
gap from the asked one.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Arrivals = npt.NDArray[np.int64]
    MakeCommand = Callable[[int, int], list[str]]
    Sample = TypeVar("Sample", "Accuracy", "Spread")
    Ratio = Callable[[list["Accuracy"], list["Accuracy"], str], float]

FLOOR = "timerfd and send"
OURS = "aiperf-cpp"
SPIN_US = 60
CONNECTIONS = "400"  # at most: as many as the floor has
SETTLING_S = 0.5  # connections are opened then: not looked at
P50_TARGET = 1.5
P99_TARGET = 2.0
RATE_TARGET = 0.001
CV_TARGET = 0.03
COMB_Z = 4.5  # one bin of a hundred is above it by chance in 3,000 runs
COMB_BINS = 100
HEADER_BYTES = 4096  # of a journal's records (docs/records.md)
RECORD_WORDS = 24  # of eight bytes; planned_ns is the third


@dataclasses.dataclass
class Accuracy:
    """Of one round of one sender; times in microseconds."""

    lateness_p50: float
    lateness_p99: float
    interval_p50: float
    interval_p99: float
    rate: float


FIELDS = ("lateness_p50", "lateness_p99", "interval_p50", "interval_p99")


class Bench:
    """Where things are, and who runs on which core."""

    def __init__(self, args: argparse.Namespace, work: Path) -> None:
        self.args = args
        self.artifacts = work / "artifacts"

    def arrivals(self, make_command: MakeCommand, rate: int) -> Arrivals:
        """When the requests of a sender came, without those of the first moments."""
        seconds = self.args.seconds
        receiver = [*self.pinned(self.args.receiver_core), str(self.args.floor), "receive", str(seconds + 10)]
        with subprocess.Popen(receiver, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            port = int(process.stdout.readline())
            command = [*self.pinned(self.args.sender_core), *make_command(port, rate)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            process.stdin.close()
            lines = process.stdout.read().split()
        if done.returncode != 0:
            raise SystemExit(f"{command}\n{done.stdout}{done.stderr}")
        stamps: Arrivals = np.array(lines, dtype=np.int64)
        settled: Arrivals = stamps[stamps >= stamps[0] + int(SETTLING_S * 1e9)]
        return settled

    def pinned(self, core: int) -> list[str]:
        priority = ["chrt", "-f", "10"] if self.args.real_time else ["nice", "-n", str(self.args.nice)]
        return [*priority, "taskset", "-c", str(core)]

    def floor(self, port: int, rate: int) -> list[str]:
        return [str(self.args.floor), "send", str(port), str(rate), str(self.args.seconds)]

    def ours(self, port: int, rate: int, pattern: tuple[str, ...] = ("--arrival-pattern", "constant")) -> list[str]:
        return [
            str(self.args.program), "profile", "--model", "m", "--url", f"127.0.0.1:{port}",
            "--request-rate", str(rate), *pattern, "--request-count", str(rate * self.args.seconds),
            "--workers-max", "1", "--random-seed", "1",
            "--concurrency", CONNECTIONS,
            "--use-server-token-count", "--tokenizer", self.args.tokenizer, "--isl", "16", "--osl", "16",
            "--ui", "none", "--export-level", "summary", "--artifact-dir", str(self.artifacts),
        ]  # fmt: skip

    def replay(self, instants: Arrivals) -> Arrivals:
        """The floor's arrivals where it sends at these instants."""
        path = self.artifacts.parent / "instants"
        np.savetxt(path, instants, fmt="%d")
        return self.arrivals(lambda port, _: [str(self.args.floor), "replay", str(port), str(path)], 0)

    def planned(self) -> Arrivals:
        """What the schedule of our last run had asked for, nanoseconds from its first instant."""
        words = np.fromfile(next(self.artifacts.rglob("records")), dtype=np.int64, offset=HEADER_BYTES)
        planned: Arrivals = words.reshape(-1, RECORD_WORDS)[:, 2]
        return planned - planned[0]

    def ours_awake(self, port: int, rate: int) -> list[str]:
        return ["env", f"AIPERF_WORKER_SPIN_US={SPIN_US}", *self.ours(port, rate)]

    def others(self) -> dict[str, MakeCommand]:
        """Tools that are installed and can send at a constant rate."""
        seconds = self.args.seconds

        def vegeta(port: int, rate: int) -> list[str]:
            attack = f"vegeta attack -rate={rate} -duration={seconds}s -output=/dev/null"
            return ["sh", "-c", f"echo 'POST http://127.0.0.1:{port}/' | {attack}"]

        known: dict[str, MakeCommand] = {
            "wrk2": lambda port, rate: [
                "wrk2", "-t1", "-c16", f"-d{seconds}s", f"-R{rate}", f"http://127.0.0.1:{port}/"
            ],
            "vegeta": vegeta,
            "oha": lambda port, rate: [
                "oha", "--no-tui", "-c", "16", "-z", f"{seconds}s", "-q", str(rate), f"http://127.0.0.1:{port}/"
            ],
            "fortio": lambda port, rate: [
                "fortio", "load", "-c", "16", "-t", f"{seconds}s", "-qps", str(rate), f"http://127.0.0.1:{port}/"
            ],
        }  # fmt: skip
        return {name: make for name, make in known.items() if shutil.which(name)}


def accuracy(stamps: Arrivals, rate: int) -> Accuracy:
    distance = stamps - stamps[0] - np.arange(len(stamps)) * (1e9 / rate)
    lateness = (distance - distance.min()) / 1e3
    interval = np.abs(np.diff(stamps) - 1e9 / rate) / 1e3
    return Accuracy(
        float(np.percentile(lateness, 50)),
        float(np.percentile(lateness, 99)),
        float(np.percentile(interval, 50)),
        float(np.percentile(interval, 99)),
        achieved(stamps),
    )


def achieved(stamps: Arrivals) -> float:
    return float((len(stamps) - 1) / (stamps[-1] - stamps[0]) * 1e9)


def variation(stamps: Arrivals) -> float:
    """Of the gaps: standard deviation over mean."""
    gaps = np.diff(stamps)
    return float(gaps.std() / gaps.mean())


def comb(stamps: Arrivals) -> float:
    """How far the fullest hundredth of the folded second is above the mean, in standard deviations of chance."""
    whole = stamps[stamps < stamps[0] + (stamps[-1] - stamps[0]) // 10**9 * 10**9]
    counts = np.bincount((whole % 10**9) // (10**9 // COMB_BINS), minlength=COMB_BINS)
    return float((counts.max() - counts.mean()) / np.sqrt(counts.mean()))


def median(rounds: list[Accuracy], field: str) -> float:
    values: list[float] = [getattr(sample, field) for sample in rounds]
    return statistics.median(values)


def quiet(rounds: list[Sample]) -> list[Sample]:
    """The third of them in which the machine stopped least."""
    return sorted(rounds, key=lambda sample: sample.lateness_p99)[: max(1, len(rounds) // 3)]


def yes(holds: bool) -> str:
    return "yes" if holds else "no"


def table(title: str, rate: int, rounds: dict[str, list[Accuracy]], ratio: Ratio) -> None:
    print(f"\n{title}; microseconds, medians (ratio to the floor)\n")
    print("| sender | lateness p50 | lateness p99 | interval error p50 | interval error p99 | achieved rate |")
    print("| --- | --- | --- | --- | --- | --- |")
    floor = rounds[FLOOR]
    for name, samples in rounds.items():
        cells = [f"{median(samples, field):.1f} ({ratio(samples, floor, field):.2f})" for field in FIELDS]
        print(f"| {name} | {' | '.join(cells)} | {median(samples, 'rate') / rate:.4%} |")
    ratios = {field: ratio(rounds[OURS], floor, field) for field in FIELDS}
    for percentile, target in (("p50", P50_TARGET), ("p99", P99_TARGET)):
        found = {what: ratios[f"{what}_{percentile}"] for what in ("lateness", "interval")}
        branches = [f"{what} {yes(value <= target)} ({value:.2f})" for what, value in found.items()]
        print(f"* within {target:g} x of the floor at {percentile}: {', '.join(branches)}")
    off = abs(median(rounds[OURS], "rate") / rate - 1)
    print(f"* achieved rate within {RATE_TARGET:.1%}: {yes(off <= RATE_TARGET)} ({off:.4%} off)", flush=True)


def of_pairs(samples: list[Accuracy], floor: list[Accuracy], field: str) -> float:
    """Median of the ratios to the floor of the same round."""
    return statistics.median(getattr(a, field) / getattr(b, field) for a, b in zip(samples, floor, strict=True))


def of_medians(samples: list[Accuracy], floor: list[Accuracy], field: str) -> float:
    return median(samples, field) / median(floor, field)


def constant(bench: Bench, rate: int) -> None:
    senders: dict[str, MakeCommand] = {
        FLOOR: bench.floor,
        OURS: bench.ours,
        f"{OURS}, AIPERF_WORKER_SPIN_US={SPIN_US}": bench.ours_awake,
        **bench.others(),
    }
    rounds: dict[str, list[Accuracy]] = {name: [] for name in senders}
    for _ in range(bench.args.rounds):
        for name, make in senders.items():
            rounds[name].append(accuracy(bench.arrivals(make, rate), rate))
    title = f"Constant {rate:,}/s, {bench.args.rounds} rounds of {bench.args.seconds} s"
    table(title, rate, rounds, of_pairs)
    still = {name: quiet(samples) for name, samples in rounds.items()}
    table(f"{title}, the quiet ones", rate, still, of_medians)


@dataclasses.dataclass
class Spread:
    """Of one round of one sender with random arrivals."""

    lateness_p99: float  # microseconds, against the plan
    cv: float
    comb: float


def spread(stamps: Arrivals, plan: Arrivals) -> Spread:
    distance = stamps - plan[-len(stamps) :]
    return Spread(float(np.percentile(distance - distance.min(), 99)) / 1e3, variation(stamps), comb(stamps))


def random(bench: Bench, rate: int) -> None:
    """Ours, and the floor at the same instants; what the plan itself has."""
    smooth = 4
    gamma = ("--arrival-pattern", "gamma", "--arrival-smoothness", str(smooth))
    print(f"\nRandom arrivals, {rate:,}/s, {bench.args.rounds} rounds of {bench.args.seconds} s\n")
    print(
        "| arrivals | sender | CV, all rounds | CV, the quiet ones | fullest 10 ms, standard deviations over the mean |"
    )
    print("| --- | --- | --- | --- | --- |")
    verdicts: list[str] = []
    for name, asked, pattern in (("Poisson", 1.0, ("--arrival-pattern", "poisson")), ("gamma", smooth**-0.5, gamma)):
        plans: list[float] = []
        rounds: dict[str, list[Spread]] = {OURS: [], FLOOR: []}
        for _ in range(bench.args.rounds):
            arrivals = bench.arrivals(lambda p, r, pattern=pattern: bench.ours(p, r, pattern), rate)
            plan = bench.planned()
            plans.append(variation(plan[-len(arrivals) :]))
            rounds[OURS].append(spread(arrivals, plan))
            rounds[FLOOR].append(spread(bench.replay(plan), plan))
        print(f"| {name} | the plan | {statistics.median(plans):.3f} | | |")
        for sender, samples in rounds.items():
            still = quiet(samples)
            every, found, teeth = (
                statistics.median(values)
                for values in ([x.cv for x in samples], [x.cv for x in still], [x.comb for x in still])
            )
            print(f"| {name} | {sender} | {every:.3f} | {found:.3f} | {teeth:.1f} |")
            if sender == OURS:
                within = abs(found / asked - 1) <= CV_TARGET
                verdicts.append(f"{name}, CV within {CV_TARGET:.0%} of {asked:g}: {yes(within)} ({found:.3f})")
                verdicts.append(f"{name}, no comb at whole seconds: {yes(teeth <= COMB_Z)} ({teeth:.1f})")
    print("\n* " + "\n* ".join(verdicts), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, required=True)
    parser.add_argument("--floor", type=Path, required=True, help="the program made of bench/send_floor.cpp")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5, help="length of a round of one sender")
    parser.add_argument("--rates", type=int, nargs="*", default=[2000, 10000])
    parser.add_argument("--random-rate", type=int, default=2000, help="of Poisson and gamma arrivals; 0: none")
    parser.add_argument("--tokenizer", default=str(Path(__file__).parents[1] / "tests/golden/tokenizer"))
    parser.add_argument("--nice", type=int, default=0, help="of both sides, where the machine has other work")
    parser.add_argument(
        "--real-time", action="store_true", help="both sides under SCHED_FIFO: other work hardly counts"
    )
    parser.add_argument("--receiver-core", type=int, default=0)
    parser.add_argument("--sender-core", type=int, default=1)
    args = parser.parse_args()
    if os.cpu_count() == 1:
        sys.exit("one core: sender and receiver cannot be told apart")
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(args, Path(folder))
        for rate in args.rates:
            constant(bench, rate)
        if args.random_rate:
            random(bench, args.random_rate)


if __name__ == "__main__":
    main()
