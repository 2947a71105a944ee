"""What a run costs at scale: many streams, many requests, many prompts, a cancel amid them, and true first tokens.

The mock server has one core, the run with all its processes the other. Every part prints a table in Markdown, and
`all` runs them one after another. Nothing here fails because of a time; what was lost, or counted wrongly, ends the
bench.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from measure import TOKENIZER, Idle, Peaks, at_share, load_average, mock_server, pinned, socket_pages, started, wait_for

PAGE_BYTES = 4096
TOKENS_OF_A_PROMPT = 1000


@dataclasses.dataclass
class Done:
    """A run that is over."""

    artifacts: Path
    began_ns: int  # CLOCK_MONOTONIC
    seconds: float
    cpu_s: float
    peaks: Peaks

    def json(self, name: str) -> Any:
        """An artifact."""
        return json.loads((self.artifacts / name).read_text())

    def metric(self, tag: str, statistic: str = "avg") -> float:
        """A number of the summary."""
        return float(self.json("profile_export_aiperf.json")[tag][statistic])

    def lines(self) -> list[dict[str, Any]]:
        """The lines of profile_export.jsonl."""
        return [json.loads(line) for line in (self.artifacts / "profile_export.jsonl").open()]

    def written_after_s(self) -> float:
        """From the end of the load until the last artifact was there."""
        written = max(path.stat().st_mtime_ns for path in self.artifacts.glob("profile_export*"))
        return (written - int(self.json("status.json")["results"]["results"]["end_ns"])) / 1e9

    def bytes_of(self, *names: str) -> int:
        """What files of the journal hold."""
        return sum(path.stat().st_size for name in names for path in (self.artifacts / "journal").glob(name))


def dump_of(path: Path) -> list[dict[str, Any]]:
    """What the mock server says it has received, once it has ended."""
    return [json.loads(line) for line in path.open()]


class Bench:
    """Where things are, and who runs on which core."""

    def __init__(self, args: argparse.Namespace, work: Path) -> None:
        self.args = args
        self.work = work
        self.runs = 0

    def mock(self, *flags: str) -> Any:
        """The mock server."""
        return mock_server(self.args.program, self.args.server_core, *flags)

    def command(self, url: str, *flags: str) -> tuple[list[str], Path]:
        """A run's command and its artifact directory."""
        self.runs += 1
        artifacts = self.work / f"run{self.runs}"
        command = [*pinned(self.args.client_core), str(self.args.program), "profile", "--model", "m", "--url", url]
        command += ["--tokenizer", self.args.tokenizer, "--ui", "none", "--workers-max", "1", "--random-seed", "1"]
        return [*command, "--artifact-dir", str(artifacts), *flags], artifacts

    def run(self, url: str, *flags: str) -> Done:
        """A run from start to end."""
        command, artifacts = self.command(url, *flags)
        before = os.times()
        began = time.monotonic_ns()
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            peaks = Peaks(process.pid)
            output = process.communicate()
        peaks.stop()
        after = os.times()
        if process.returncode != 0:
            raise SystemExit(f"{' '.join(command)}\nended with {process.returncode}\n{output[0]}{output[1]}")
        cpu = after.children_user + after.children_system - before.children_user - before.children_system
        return Done(artifacts, began, (time.monotonic_ns() - began) / 1e9, cpu, peaks)


def report(title: str, header: str, rows: list[str]) -> None:
    """Prints a table."""
    print(f"\n{title}; load average {load_average()}\n\n{header}")
    print("| " + " | ".join(["---"] * (header.count("|") - 1)) + " |")
    print("\n".join(rows), flush=True)


def check_nothing_lost(done: Done, dump: Path) -> int:
    """Every request that the server has received has a record without an error, and no other has. How many."""
    received = [row["x_request_id"] for row in dump_of(dump)]
    recorded = [line["metadata"]["x_request_id"] for line in done.lines()]
    failed = sum("error" in line and line["error"] is not None for line in done.lines())
    if sorted(received) != sorted(recorded) or len(set(received)) != len(received) or failed:
        raise SystemExit(f"received {len(received)}, recorded {len(recorded)}, of them {failed} errors")
    return len(received)


# ---- the parts


def streams(bench: Bench) -> None:
    """Very many streams at a time: nothing is lost, and what one costs in memory."""
    args = bench.args
    dump = bench.work / "streams.jsonl"
    load = ["--streaming", "--isl", "16", "--use-server-token-count"]
    flags = ["--ttft-ms", "500", "--itl-ms", str(args.itl_ms), "--output-tokens", str(args.tokens)]
    with bench.mock(*flags) as url:
        alone = bench.run(url, *load, "--concurrency", "1", "--request-count", "1").peaks
    pages = socket_pages()
    with bench.mock(*flags, "--dump", str(dump)) as url:
        wave = ["--concurrency", str(args.streams), "--benchmark-duration", str(args.seconds)]
        done = bench.run(url, *load, *wave)
    count = check_nothing_lost(done, dump)
    peaks, most = done.peaks, most_at_a_time(done)
    each = [(peaks.anon - alone.anon) / most, (peaks.file - alone.file) / most]
    sockets = (peaks.socket_pages - pages) * PAGE_BYTES / 1024 / most
    report(
        f"{args.streams:,} streams at a time for {args.seconds} s, a token every {args.itl_ms} ms",
        "| requests | most at a time | errors | RssAnon, all processes | RssAnon per stream | RssFile per stream "
        "| kernel's socket memory per stream, both ends | CPU per token |",
        [
            f"| {count:,} | {most:,} | 0 | {peaks.anon / 1024:.1f} MiB | {each[0]:.1f} KiB | {each[1]:.1f} KiB "
            f"| {sockets:.1f} KiB | {done.cpu_s / (count * args.tokens) * 1e6:.1f} us |"
        ],
    )


def most_at_a_time(done: Done) -> int:
    """The most requests of a run that were under way at an instant."""
    changes: list[tuple[int, int]] = []
    for line in done.lines():
        meta = line["metadata"]
        changes += [(int(meta["request_start_ns"]), 1), (int(meta["request_end_ns"]), -1)]
    now = most = 0
    for _, change in sorted(changes):
        now += change
        most = max(most, now)
    return most


def requests(bench: Bench) -> None:
    """Growth with the number of requests: disk, memory, and how long the summary takes."""
    rows = []
    kinds: list[tuple[str, list[str]]] = [
        ("summary only", ["--use-server-token-count", "--export-level", "summary"]),
        ("with a line per request", ["--use-server-token-count"]),
        ("with a line per request, answers counted", []),
    ]
    with bench.mock("--output-tokens", "16") as url:
        for name, flags in kinds:
            counts = bench.args.counts if name == "summary only" else bench.args.counts[-1:]
            for count in counts:
                load = ["--concurrency", "64", "--isl", "16", "--osl", "16", "--request-count", str(count), *flags]
                done = bench.run(url, *load)
                if done.metric("request_count") != count:
                    raise SystemExit("not every request was answered well")
                rows.append(
                    f"| {count:,}, {name} | {done.metric('request_throughput'):,.0f} "
                    f"| {done.bytes_of('records', 'events.*') / count:.0f} | {done.bytes_of('text.*') / count:.0f} "
                    f"| {done.peaks.largest_anon / 1024:.1f} MiB | {done.peaks.anon / 1024:.1f} MiB "
                    f"| {done.written_after_s():.2f} s |"
                )
                subprocess.run(["rm", "-rf", str(done.artifacts)], check=True)
    report(
        "requests that are not streamed, 64 at a time",
        "| requests | requests/s | bytes of record and events, each | bytes of text, each "
        "| largest RssAnon of a process | RssAnon, all processes | end of load to artifacts |",
        rows,
    )


def prompts(bench: Bench) -> None:
    """Many long prompts: how soon the first request leaves, and how quickly they are made."""
    rows = []
    for count in bench.args.entries:
        dump = bench.work / f"prompts{count}.jsonl"
        with bench.mock("--output-tokens", "1", "--dump", str(dump)) as url:
            load = ["--isl", str(TOKENS_OF_A_PROMPT), "--num-dataset-entries", str(count), "--request-count", "20"]
            done = bench.run(url, *load, "--concurrency", "1", "--use-server-token-count")
        first = min(row["at_ns"] for row in dump_of(dump))
        rows.append(
            f"| {count:,} | {(first - done.began_ns) / 1e6:.0f} ms | {done.seconds:.1f} s | {count / done.cpu_s:,.0f} "
            f"| {done.peaks.largest_anon / 1024:.1f} MiB | {done.peaks.shmem / 1024:.1f} MiB |"
        )
    report(
        f"prompts of {TOKENS_OF_A_PROMPT} tokens",
        "| prompts | start of the process to the first request | whole run | prompts per second of a core "
        "| largest RssAnon of a process | RssShmem |",
        rows,
    )


def cancel(bench: Bench) -> None:
    """SIGINT amid many streams: how soon the artifacts are there, and the process is gone."""
    rows = []
    for backend in ("process", "thread"):
        written: list[float] = []
        ended: list[float] = []
        for number in range(bench.args.rounds):
            written_s, ended_s = cancel_once(bench, backend, bench.work / f"cancel-{backend}{number}.jsonl")
            written.append(written_s)
            ended.append(ended_s)
        rows.append(
            f"| {backend} | {at_share(written, 0.5) * 1e3:.0f} ms | {max(written) * 1e3:.0f} ms "
            f"| {at_share(ended, 0.5) * 1e3:.0f} ms | {max(ended) * 1e3:.0f} ms |"
        )
    report(
        f"SIGINT with {bench.args.cancel_streams:,} streams in flight, {bench.args.rounds} rounds",
        "| backend | signal to artifacts, median | most | signal to end of process, median | most |",
        rows,
    )


def cancel_once(bench: Bench, backend: str, dump: Path) -> tuple[float, float]:
    """Seconds from the signal to the artifacts, and to the end of the process."""
    count = bench.args.cancel_streams
    with bench.mock("--ttft-ms", "50", "--itl-ms", "100", "--output-tokens", "2000", "--dump", str(dump)) as url:
        load = ["--streaming", "--isl", "16", "--concurrency", str(count), "--request-count", str(10 * count)]
        command, artifacts = bench.command(url, *load, "--backend", backend, "--api-port", "0")
        with started(command) as process:
            sockets = Path("/proc/net/tcp")
            wait_for(lambda: sum(" 01 " in line for line in sockets.open()) >= 2 * count)
            time.sleep(2)  # of streaming
            signalled = time.time_ns()
            process.send_signal(signal.SIGINT)
            wait_for((artifacts / "profile_export_aiperf.json").exists)
            process.send_signal(signal.SIGINT)  # ends the hold of the results server
            process.wait(60)
            ended = time.time_ns()
    written = max(path.stat().st_mtime_ns for path in artifacts.glob("profile_export*"))
    lines = [json.loads(line) for line in (artifacts / "profile_export.jsonl").open()]
    if len(lines) != count or not all(line["metadata"]["was_cancelled"] for line in lines):
        raise SystemExit(f"{len(lines)} records of {count} requests, or not all of them cancelled")
    return (written - signalled) / 1e9, (ended - signalled) / 1e9


def first_token(bench: Bench) -> None:
    """Reported times to the first token against the server's own stamps."""
    rows = []
    for at_a_time in bench.args.at_a_time:
        dump = bench.work / f"first{at_a_time}.jsonl"
        with bench.mock("--ttft-ms", "50", "--itl-ms", "10", "--output-tokens", "20", "--dump", str(dump)) as url:
            count = max(bench.args.first_tokens, 8 * at_a_time)
            # Evenly: streams begun at once would wait for one another at the server, and show its queue.
            rate = at_a_time / (0.050 + 19 * 0.010)
            load = ["--streaming", "--isl", "16", "--request-count", str(count), "--request-rate", str(rate)]
            load += ["--arrival-pattern", "constant", "--warmup-request-count", str(at_a_time)]
            load += ["--warmup-concurrency", str(at_a_time)]
            with Idle(bench.args.server_core) as server, Idle(bench.args.client_core) as client:
                done = bench.run(url, *load, "--use-server-token-count")
        reported, corrected = differences_ms(bench, done, dump)
        for name, values in (("reported", reported), ("less the time unread", corrected)):
            shown = " | ".join(f"{at_share(values, share):.3f} ms" for share in (0.5, 0.9, 0.99))
            idle = f"{server.share:.0%} | {client.share:.0%}"
            rows.append(f"| {count:,} streams, {at_a_time:,} at a time: {name} | {shown} | {idle} |")
    report(
        "Time to first token over the server's (first byte written less request read; TTFT 50 ms, ITL 10 ms)",
        "| | p50 | p90 | p99 | server's core idle | client's core idle |",
        rows,
    )


def differences_ms(bench: Bench, done: Done, dump: Path) -> tuple[list[float], list[float]]:
    """Of each request: the reported time to the first token less the server's, and what is left of it without the time
    that the token lay in the kernel before it was read."""
    sys.path.insert(0, str(bench.args.program.resolve().parents[1] / "python"))
    import aiperf_cpp  # noqa: PLC0415 (the other parts do without)

    served = {row["x_request_id"]: row["sent_ms"][0] for row in dump_of(dump)}
    result = aiperf_cpp.load(done.artifacts)
    ids = [line["metadata"]["x_request_id"] for line in done.lines()]
    first_slot = len(result.records) - len(ids)
    reported: list[float] = []
    corrected: list[float] = []
    for number, request_id in enumerate(ids):
        record = result.records[first_slot + number]
        ttft_ns = int(record["first_content_ns"]) - int(record["send_start_ns"])
        events = result.events(first_slot + number)
        lag_ns = int(events["lag_ns"][events["at_ns"] == record["first_content_ns"]][0])
        reported.append(ttft_ns / 1e6 - served[request_id])
        corrected.append((ttft_ns - lag_ns) / 1e6 - served[request_id])
    return reported, corrected


PARTS = {
    "streams": streams,
    "requests": requests,
    "prompts": prompts,
    "cancel": cancel,
    "first-token": first_token,
}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=[*PARTS, "all"])
    parser.add_argument("--program", type=Path, default=Path(__file__).parents[1] / "build/dev/bin/aiperf-cpp")
    parser.add_argument("--tokenizer", default=TOKENIZER)
    parser.add_argument("--server-core", type=int, default=0)
    parser.add_argument("--client-core", type=int, default=1)
    parser.add_argument("--streams", type=int, default=9000, help="streams: at a time")
    parser.add_argument("--seconds", type=int, default=60, help="streams: as long as new ones begin")
    parser.add_argument("--itl-ms", type=int, default=500, help="streams: from token to token")
    parser.add_argument("--tokens", type=int, default=40, help="streams: of an answer")
    parser.add_argument("--counts", type=int, nargs="+", default=[10_000, 100_000, 1_000_000], help="requests: so many")
    parser.add_argument("--entries", type=int, nargs="+", default=[100, 100_000], help="prompts: so many")
    parser.add_argument("--rounds", type=int, default=5, help="cancel: rounds with each backend")
    parser.add_argument("--cancel-streams", type=int, default=1000, help="cancel: in flight")
    parser.add_argument("--first-tokens", type=int, default=1000, help="first-token: streams")
    parser.add_argument("--at-a-time", type=int, nargs="+", default=[50, 1000], help="first-token: of them at a time")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    for name, part in PARTS.items():
        if args.part in (name, "all"):
            with tempfile.TemporaryDirectory() as folder:
                part(Bench(args, Path(folder)))


if __name__ == "__main__":
    main()
