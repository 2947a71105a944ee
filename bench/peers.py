"""This client beside other load generators, all with the same requests in one run.

Servers have a core of their own; a tool with all its processes has another. Rounds alternate between the tools, so that
a change of the machine's speed meets all. Tools are found in the folders of --tools and on PATH; those that are not
installed are left out, which is said. Parts:

load      as many requests as 64 connections give: requests a second by the mock server's count, processor time by the
          kernel's, from the first requests to the end of the process, so with all that it writes; memory of the
          process tree, pages that processes share counted for each
streams   the same with streams of 16 tokens, for tools that parse them
start     from the start of the process to its first request at the server, and until it has told its version
sends     at a constant rate: lateness and gaps as in bench/send_accuracy.py, by the receiver's stamps
slow      the same at a rate that all can send
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from peers_tools import TOOLS, Ask, Tool, installed
from peers_tree import FailedError, Watched, adopt_orphans, run
from send_accuracy import SETTLING_S, accuracy

if TYPE_CHECKING:
    from collections.abc import Callable

    Row = dict[str, float]
    Measure = Callable[[Tool], Row]

PARTS = ("load", "streams", "start", "sends", "slow")
EDGE = 0.05  # share of the requests at each end that the rate leaves out

ERRORS_ALLOWED = 1000  # one in so many: a tool may ask for what the mock server does not have, such as metrics


class Server:
    """A program that prints its port and answers lines; pinned to the servers' core."""

    def __init__(self, command: list[str], core: int) -> None:
        self.process = subprocess.Popen(
            ["taskset", "-c", str(core), *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.input, self.output = self.process.stdin, self.process.stdout
        self.url = f"http://127.0.0.1:{int(self.output.readline())}"

    def counts(self) -> tuple[int, int]:
        """Of bench_counted_server: requests answered, and how many with an error."""
        self.input.write("\n")
        self.input.flush()
        answered, errors = map(int, self.output.readline().split())
        return answered, errors

    def rest(self) -> str:
        """Ends it; what it then says."""
        self.input.close()
        text = self.output.read()
        self.process.wait()
        return text


class Bench:
    """Where things are, and who runs on which core."""

    def __init__(self, args: argparse.Namespace, work: Path) -> None:
        self.args = args
        self.work = work
        self.runs = 0

    def ask(self, server: Server) -> Ask:
        """One second of all that can be sent; to be changed."""
        self.runs += 1
        folder = self.work / str(self.runs)
        folder.mkdir()
        return Ask(server.url, folder, self.args.tokenizer, self.args.connections)

    def go(self, tool: Tool, server: Server, ask: Ask, count: Callable[[], int] = lambda: 0) -> Watched:
        command = ["taskset", "-c", str(self.args.client_core), *tool.argv(ask)]
        return run(command, ask.work / "log", tool.environment, server.process.pid, count)

    def load(self, tool: Tool, streaming: bool) -> Row:
        server = Server([str(self.args.build / "bin/bench_counted_server")], self.args.server_core)
        ask = self.ask(server)
        ask.seconds = self.args.seconds + tool.slow
        ask.streaming = streaming
        ask.guess = self.args.guess * ask.seconds
        watched = self.go(tool, server, ask, lambda: server.counts()[0])
        answered, errors = server.counts()
        server.rest()
        if errors * ERRORS_ALLOWED > answered:
            raise FailedError(f"{errors} of {answered} answers were errors")
        inside = [each for each in watched.looks if EDGE * answered <= each.answered <= (1 - EDGE) * answered]
        if len(inside) < 2:
            raise FailedError(f"too short to measure, {answered} requests")
        first, last = inside[0], inside[-1]
        seconds = last.at_s - first.at_s
        return {
            "rate": (last.answered - first.answered) / seconds,
            "server": (last.server_cpu_s - first.server_cpu_s) / seconds,
            "cpu_us": (watched.cpu_s - first.cpu_s) / (answered - first.answered) * 1e6,
            "rss_mib": max(each.rss_kib for each in watched.looks) / 1024,
            "anon_mib": max(each.anon_kib for each in watched.looks) / 1024,
        }

    def stamps(self, tool: Tool, rate: int, seconds: int) -> tuple[Watched, list[int]]:
        receiver = Server([sys.executable, str(Path(__file__).with_name("peers_receiver.py"))], self.args.server_core)
        ask = self.ask(receiver)
        ask.rate = rate
        ask.seconds = seconds
        ask.streaming = not tool.plain
        ask.guess = ask.connections
        watched = self.go(tool, receiver, ask)
        arrivals = [int(word) for word in receiver.rest().split()]
        if not arrivals:
            raise FailedError("sent nothing")
        return watched, arrivals

    def start(self, tool: Tool) -> Row:
        watched, arrivals = self.stamps(tool, 0, 1)
        return {"first_ms": (arrivals[0] - watched.started_ns) / 1e6, "version_ms": tool.ask_version()[1] * 1e3}

    def sends(self, tool: Tool, rate: int) -> Row:
        _, arrivals = self.stamps(tool, rate, self.args.seconds)
        all_of_them = np.array(arrivals, dtype=np.int64)
        settled = all_of_them[all_of_them >= all_of_them[0] + int(SETTLING_S * 1e9)]
        if len(settled) < 10:
            raise FailedError(f"too few to judge: {len(arrivals)} requests")
        found = dataclasses.asdict(accuracy(settled, rate))
        return found | {"achieved": found["rate"] / rate * 100}


def table(bench: Bench, title: str, tools: list[Tool], columns: dict[str, tuple[str, str]], measure: Measure) -> None:
    """Measures in turn, prints medians. `columns`: of a row's field, the heading and the format."""
    rounds: dict[str, list[Row]] = {tool.name: [] for tool in tools}
    faults: dict[str, str] = {}
    args = bench.args
    for number in range(args.rounds):
        for tool in tools:
            if tool.name in faults or number >= (args.slow_rounds if tool.slow else args.rounds):
                continue
            try:
                rounds[tool.name].append(measure(tool))
            except FailedError as failure:
                faults[tool.name] = str(failure)
    slow = f" ({args.slow_rounds} of slow tools)" if any(tool.slow for tool in tools) else ""
    print(f"\n{title}; medians of {args.rounds} rounds{slow}; load average {os.getloadavg()[0]:.1f}\n")
    print(f"| tool | {' | '.join(heading for heading, _ in columns.values())} |")
    print(f"| --- |{' --- |' * len(columns)}")
    for name, rows in rounds.items():
        if name in faults:
            print(f"| {name} | {faults[name]} |{' |' * (len(columns) - 1)}")
            continue
        cells = [format(statistics.median(row[field] for row in rows), how) for field, (_, how) in columns.items()]
        print(f"| {name} | {' | '.join(cells)} |")
    sys.stdout.flush()


LOAD = {
    "rate": ("requests/s", ",.0f"),
    "server": ("server's share of its core", ".0%"),
    "cpu_us": ("CPU us/request", ",.1f"),
    "rss_mib": ("RSS MiB", ",.1f"),
    "anon_mib": ("RssAnon MiB", ",.1f"),
}
START = {"first_ms": ("first request, ms", ",.0f"), "version_ms": ("version told, ms", ",.0f")}
SENDS = {
    "lateness_p50": ("lateness p50, us", ",.0f"),
    "lateness_p99": ("p99", ",.0f"),
    "interval_p50": ("interval error p50, us", ",.0f"),
    "interval_p99": ("p99", ",.0f"),
    "achieved": ("achieved rate", ".2f"),
}


def floor(args: argparse.Namespace) -> Tool:
    """The least that can be done, of bench/send_accuracy.py."""

    def command(ask: Ask) -> list[str]:
        return ["send", ask.url.rpartition(":")[2], str(ask.rate), str(ask.seconds)]

    return Tool("timerfd and send", "", command, path=str(args.build / "bin/bench_send_floor"))


def do(bench: Bench, part: str, tools: list[Tool]) -> None:
    args = bench.args
    if part == "load":
        title = f"As many requests as {args.connections} connections give, not streaming, {args.seconds} s"
        table(bench, title, [t for t in tools if t.plain and t.unlimited], LOAD, lambda t: bench.load(t, False))
    elif part == "streams":
        title = f"The same, streams of 16 tokens in one burst, each parsed, {args.seconds} s"
        table(bench, title, [t for t in tools if t.parses], LOAD, lambda t: bench.load(t, True))
    elif part == "start":
        table(bench, "From the start of the process", [t for t in tools if t.unlimited], START, bench.start)
    else:
        rate = args.rate if part == "sends" else args.slow_rate
        able = [tool for tool in tools if tool.constant and (part == "slow" or not tool.slow)]
        if part == "slow":
            able = [tool for tool in able if tool.parses]
        table(bench, f"Constant {rate:,}/s", [floor(args), *able], SENDS, lambda t: bench.sends(t, rate))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, required=True, help="the build folder of this project")
    parser.add_argument(
        "--tools", type=Path, nargs="+", default=[], help="folders of programs, looked into before PATH"
    )
    parser.add_argument("--only", nargs="+", default=[], metavar="TOOL", help="names of the table; default: all")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slow-rounds", type=int, default=2, help="of tools that take tens of seconds for one")
    parser.add_argument("--seconds", type=int, default=3, help="length of a round of one tool; one more for slow ones")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--rate", type=int, default=2000)
    parser.add_argument(
        "--slow-rate", type=int, default=50, help="for the tools that parse streams, some of which can send no more"
    )
    parser.add_argument("--guess", type=int, default=10000, help="requests a second of tools that take no time")
    parser.add_argument("--tokenizer", type=Path, default=Path(__file__).parents[1] / "tests/golden/tokenizer")
    parser.add_argument("--nice", type=int, default=0, help="of both sides, where the machine has other work")
    parser.add_argument("--server-core", type=int, default=0)
    parser.add_argument("--client-core", type=int, default=1)
    args = parser.parse_args()
    if os.cpu_count() == 1:
        sys.exit("one core: client and server cannot be told apart")
    if unknown := set(args.only) - {tool.name for tool in TOOLS}:
        parser.error(f"--only: unknown: {', '.join(sorted(unknown))}")
    os.sched_setaffinity(0, {args.server_core})
    os.nice(args.nice)
    adopt_orphans()
    tools, missing = installed(args.tools, args.build / "bin/aiperf-cpp")
    tools = [tool for tool in tools if not args.only or tool.name in args.only]
    print(", ".join(f"{tool.name} {tool.ask_version()[0]}".strip() for tool in tools))
    print(f"not installed: {', '.join(missing) or 'none'}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(args, Path(folder))
        for part in args.parts:
            do(bench, part, tools)


if __name__ == "__main__":
    main()
