"""Requests per second and CPU per request against wrk, in one run, each side pinned.

The mock server runs on one core, the client on another. Rounds alternate between the clients, so that a change of the
machine's speed meets both; the table quotes medians over the rounds and their ratio. Both send the same bodies and
receive the same answers; this client writes its full records, wrk keeps none.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import TOKENIZER, Idle, Peaks, mock_server, pinned

BODY = {
    "messages": [{"role": "user", "content": "Say something about the weather in a few words, please."}],
    "model": "m",
    "stream": False,
}


@dataclasses.dataclass
class Sample:
    """One round of one client."""

    requests_per_second: float
    cpu_us_per_request: float
    server_idle: float
    rss_anon_kib: int = 0


def run_client(command: list[str], core: int) -> tuple[str, float, int]:
    """Output, CPU seconds and largest RssAnon (KiB) of a pinned command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with subprocess.Popen([*pinned(core), *command], stdout=subprocess.PIPE, text=True) as process:
        peaks = Peaks(process.pid)
        output = process.communicate()[0]
    peaks.stop()
    if process.returncode != 0:
        raise SystemExit(f"{command[0]} ended with {process.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return output, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, peaks.largest_anon


def wrk_sample(args: argparse.Namespace, url: str, script: Path) -> Sample:
    command = [
        "wrk",
        "-t1",
        f"-c{args.connections}",
        f"-d{args.seconds}",
        "-s",
        str(script),
        url + "/v1/chat/completions",
    ]
    with Idle(args.server_core) as idle:
        output, cpu, _ = run_client(command, args.client_core)
    total = int(re.search(r"(\d+) requests in", output)[1])  # type: ignore[index]
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1])  # type: ignore[index]
    if "Non-2xx" in output:
        raise SystemExit("wrk got errors:\n" + output)
    return Sample(rate, cpu / total * 1e6, idle.share)


def our_sample(args: argparse.Namespace, url: str, artifacts: Path, requests: int) -> Sample:
    command = [
        str(args.program), "profile", "--model", "m", "--url", url, "--concurrency", str(args.connections),
        "--request-count", str(requests), "--workers-max", "1", "--use-server-token-count",
        "--tokenizer", args.tokenizer, "--isl", "16", "--osl", str(args.tokens), "--ui", "none",
        "--export-level", "summary", "--artifact-dir", str(artifacts),
    ]  # fmt: skip
    if args.streaming:
        command.append("--streaming")
    with Idle(args.server_core) as idle:
        _, cpu, rss = run_client(command, args.client_core)
    summary = json.loads((artifacts / "profile_export_aiperf.json").read_text())
    if int(summary["request_count"]["avg"]) != requests:
        raise SystemExit("not every request was answered well")
    return Sample(summary["request_throughput"]["avg"], cpu / requests * 1e6, idle.share, rss)


def median(samples: list[Sample], field: str) -> float:
    return statistics.median(getattr(sample, field) for sample in samples)


def quiet_cpu(samples: list[Sample]) -> float:
    """CPU per request in the quietest third of the rounds: a neighbour of the machine only ever adds to it."""
    cpus = sorted(sample.cpu_us_per_request for sample in samples)
    return statistics.median(cpus[: max(1, len(cpus) // 3)])


def report(ours: list[Sample], theirs: list[Sample]) -> None:
    print("| client | requests/s | CPU us/request | idle share of the server's core |")
    print("| --- | --- | --- | --- |")
    for name, samples in (("wrk", theirs), ("aiperf-cpp", ours)):
        rate, cpu, idle = (median(samples, f) for f in ("requests_per_second", "cpu_us_per_request", "server_idle"))
        print(f"| {name} | {rate:,.0f} | {cpu:.2f} | {idle:.0%} |")
    rates = [a.requests_per_second / b.requests_per_second for a, b in zip(ours, theirs, strict=True)]
    cpus = [a.cpu_us_per_request / b.cpu_us_per_request for a, b in zip(ours, theirs, strict=True)]
    for name, ratios in (("requests/s", rates), ("CPU per request", cpus)):
        low, high = min(ratios), max(ratios)
        print(f"\n{name}, aiperf-cpp over wrk: {statistics.median(ratios):.2f} (rounds: {low:.2f} to {high:.2f})")
    mine, others = quiet_cpu(ours), quiet_cpu(theirs)
    print(f"\nThe same in the quietest third of rounds of each: {mine / others:.2f} ({mine:.2f} us, {others:.2f} us)")
    print(f"\nLargest RssAnon of aiperf-cpp: {max(sample.rss_anon_kib for sample in ours) / 1024:.1f} MiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="length of a round of wrk")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument(
        "--requests", type=int, default=0, help="requests of a round of ours; 0: as many as wrk managed"
    )
    parser.add_argument("--streaming", action="store_true", help="answers are streams, each in one burst")
    parser.add_argument("--tokens", type=int, default=16, help="of an answer; a stream has 3 events more")
    parser.add_argument(
        "--itl-ms", type=float, default=0.0, help="from event to event of a stream: they come one by one"
    )
    parser.add_argument("--tokenizer", default=TOKENIZER)
    parser.add_argument("--server-core", type=int, default=0)
    parser.add_argument("--client-core", type=int, default=1)
    args = parser.parse_args()
    if os.cpu_count() == 1:
        sys.exit("one core: client and server cannot be told apart")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        script = work / "post.lua"
        body = json.dumps(BODY | {"stream": args.streaming, "max_completion_tokens": args.tokens})
        script.write_text(
            f"wrk.method = 'POST'\nwrk.body = [[{body}]]\nwrk.headers['Content-Type'] = 'application/json'\n"
        )
        ours: list[Sample] = []
        theirs: list[Sample] = []
        with mock_server(args.program, args.server_core, "--itl-ms", str(args.itl_ms)) as url:
            for _ in range(args.rounds):
                theirs.append(wrk_sample(args, url, script))
                count = args.requests or int(theirs[-1].requests_per_second * args.seconds)
                ours.append(our_sample(args, url, work / "artifacts", count))
        report(ours, theirs)


if __name__ == "__main__":
    main()
