"""How true sends are to their schedule, as the receiving side sees it.

One program stamps requests as they arrive (the kernel's stamps, on the receiver's sockets); senders take turns: a bare
loop of one timerfd and one send, which is the floor of this machine, then this client, then other tools where they are
installed. Each side has a core of its own. Rounds alternate between the senders, so that a change of the machine meets
all; the table has medians over the rounds, and ratios to the floor of the same round.

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
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Arrivals = npt.NDArray[np.int64]
    MakeCommand = Callable[[int, int], list[str]]

SPIN_US = 60
CONNECTIONS = "400"  # at most: as many as the floor has
SETTLING_S = 0.5  # connections are opened then: not looked at
P50_TARGET = 1.5
P99_TARGET = 2.0
RATE_TARGET = 0.001
CV_TARGET = 0.03
COMB_Z = 4.5  # one bin of a hundred is above it by chance in 3,000 runs
COMB_BINS = 100


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
        receiver = [*self.pinned(self.args.receiver_core), str(self.args.floor), "receive", str(seconds + 4)]
        with subprocess.Popen(receiver, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            command = [*self.pinned(self.args.sender_core), *make_command(port, rate)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            lines = process.stdout.read().split()
        if done.returncode != 0:
            raise SystemExit(f"{command}\n{done.stdout}{done.stderr}")
        stamps: Arrivals = np.array(lines, dtype=np.int64)
        settled: Arrivals = stamps[stamps >= stamps[0] + int(SETTLING_S * 1e9)]
        return settled

    def pinned(self, core: int) -> list[str]:
        return ["nice", "-n", str(self.args.nice), "taskset", "-c", str(core)]

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


def yes(holds: bool) -> str:
    return "yes" if holds else "no"


def constant(bench: Bench, rate: int) -> None:
    senders: dict[str, MakeCommand] = {
        "timerfd and send": bench.floor,
        "aiperf-cpp": bench.ours,
        f"aiperf-cpp, AIPERF_WORKER_SPIN_US={SPIN_US}": bench.ours_awake,
        **bench.others(),
    }
    rounds: dict[str, list[Accuracy]] = {name: [] for name in senders}
    for _ in range(bench.args.rounds):
        for name, make in senders.items():
            rounds[name].append(accuracy(bench.arrivals(make, rate), rate))
    rounds_text = f"{bench.args.rounds} rounds of {bench.args.seconds} s"
    print(f"\nConstant {rate:,}/s, {rounds_text}; microseconds, medians (ratio to the floor)\n")
    print("| sender | lateness p50 | lateness p99 | interval error p50 | interval error p99 | achieved rate |")
    print("| --- | --- | --- | --- | --- | --- |")
    floor = rounds["timerfd and send"]
    ratios: dict[str, float] = {}
    for name, samples in rounds.items():
        cells = []
        for field in FIELDS:
            each = [getattr(a, field) / getattr(b, field) for a, b in zip(samples, floor, strict=True)]
            ratio = statistics.median(each)
            cells.append(f"{median(samples, field):.1f} ({ratio:.2f})")
            if name == "aiperf-cpp":
                ratios[field] = ratio
        print(f"| {name} | {' | '.join(cells)} | {median(samples, 'rate') / rate:.4%} |")
    off = abs(median(rounds["aiperf-cpp"], "rate") / rate - 1)
    print(f"\n* within {P50_TARGET} x of the floor at p50: ", end="")
    print(f"lateness {yes(ratios['lateness_p50'] <= P50_TARGET)} ({ratios['lateness_p50']:.2f}), ", end="")
    print(f"interval error {yes(ratios['interval_p50'] <= P50_TARGET)} ({ratios['interval_p50']:.2f})")
    print(f"* within {P99_TARGET:g} x at p99: ", end="")
    print(f"lateness {yes(ratios['lateness_p99'] <= P99_TARGET)} ({ratios['lateness_p99']:.2f}), ", end="")
    print(f"interval error {yes(ratios['interval_p99'] <= P99_TARGET)} ({ratios['interval_p99']:.2f})")
    print(f"* achieved rate within {RATE_TARGET:.1%}: {yes(off <= RATE_TARGET)} ({off:.4%} off)", flush=True)


def of_rounds(bench: Bench, rate: int, *pattern: str) -> list[Arrivals]:
    return [bench.arrivals(lambda p, r: bench.ours(p, r, pattern), rate) for _ in range(bench.args.rounds)]


def random(bench: Bench, rate: int) -> None:
    poisson = of_rounds(bench, rate, "--arrival-pattern", "poisson")
    smooth = 4
    gamma = of_rounds(bench, rate, "--arrival-pattern", "gamma", "--arrival-smoothness", str(smooth))
    found, teeth = (statistics.median(map(of, poisson)) for of in (variation, comb))
    asked = smooth**-0.5
    print(f"\nRandom arrivals, {rate:,}/s, medians of {bench.args.rounds} rounds\n")
    print(f"* Poisson, CV within {CV_TARGET:g} of 1: {yes(abs(found - 1) <= CV_TARGET)} ({found:.3f})")
    print(f"* no comb at whole seconds: {yes(teeth <= COMB_Z)} (fullest 10 ms: {teeth:.1f} standard deviations)")
    found = statistics.median(map(variation, gamma))
    print(f"* gamma of smoothness {smooth}, CV within {CV_TARGET:.0%} of {asked:g}: ", end="")
    print(f"{yes(abs(found / asked - 1) <= CV_TARGET)} ({found:.3f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, required=True)
    parser.add_argument("--floor", type=Path, required=True, help="the program made of bench/send_floor.cpp")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5, help="length of a round of one sender")
    parser.add_argument("--rates", type=int, nargs="+", default=[2000, 10000])
    parser.add_argument("--tokenizer", default=str(Path(__file__).parents[1] / "tests/golden/tokenizer"))
    parser.add_argument("--nice", type=int, default=0, help="of both sides, where the machine has other work")
    parser.add_argument("--receiver-core", type=int, default=0)
    parser.add_argument("--sender-core", type=int, default=1)
    args = parser.parse_args()
    if os.cpu_count() == 1:
        sys.exit("one core: sender and receiver cannot be told apart")
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(args, Path(folder))
        for rate in args.rates:
            constant(bench, rate)
        random(bench, args.rates[0])


if __name__ == "__main__":
    main()
