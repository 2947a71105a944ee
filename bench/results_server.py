"""What the results server costs a run, and how it answers, with many clients at once.

A run is measured without a results server and with one that has pollers, readers of events and clients that send their
request a byte at a time; pairs alternate, so that a change of the machine's speed meets both. After its end, in the
hold, the same clients stay while one file of 100 MB is fetched, plain and compressed.

The run with its processes has one core; the mock server and all clients share the other. So that the clients take as
much of it without, they then ask the server of another run, which has ended and is held, on their own core. A run asks
for a fixed rate, which leaves room on both: without one the mock server's core is the limit, and decides.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from measure import TOKENIZER, children_of, cpu_s, mock_server, pinned, rss_anon_kib, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

GRACE = "AIPERF_API_SERVER_POST_COMPLETE_GRACE"
FILE_BYTES = 100 << 20
POLL_S = 0.1


# ---- the clients: a process of their own


@dataclasses.dataclass
class Seen:
    """What the clients have seen."""

    waits_ms: list[float] = dataclasses.field(default_factory=list)
    failures: int = 0
    events: int = 0


class Clients:
    """Pollers, readers of events, and clients that never get done with their request."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self.host, self.port = place.hostname or "", place.port or 0
        self.seen = Seen()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self.host, self.port)

    async def answer(self, reader: asyncio.StreamReader) -> bytes:
        head = await reader.readuntil(b"\r\n\r\n")
        found = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        await reader.readexactly(int(found[1]) if found else 0)
        return head

    async def poll(self, offset: float) -> None:
        """Asks for the status ten times a second on one connection."""
        await asyncio.sleep(offset)
        reader, writer = await self.connect()
        with contextlib.closing(writer):
            due = time.monotonic()
            while True:
                asked = time.monotonic()
                writer.write(b"GET /api/results HTTP/1.1\r\nHost: localhost\r\n\r\n")
                if not (await self.answer(reader)).startswith(b"HTTP/1.1 200"):
                    self.seen.failures += 1
                self.seen.waits_ms.append((time.monotonic() - asked) * 1e3)
                due += POLL_S
                await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def listen(self, offset: float) -> None:
        """Reads the stream of events; polls where there is none."""
        reader, writer = await self.connect()
        with contextlib.closing(writer):
            writer.write(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            while b"text/event-stream" in head:
                piece = await reader.read(65536)
                self.seen.events += piece.count(b"\n\n")
                if not piece:
                    return
        await self.poll(offset)

    async def dawdle(self) -> None:
        """Sends a header a byte at a time, and begins anew where it is sent away."""
        while True:
            _, writer = await self.connect()
            with contextlib.closing(writer), contextlib.suppress(OSError):
                writer.write(b"GET /healthz HTTP/1.1\r\nX-Slow: ")
                while not writer.is_closing():
                    writer.write(b"a")
                    await writer.drain()
                    await asyncio.sleep(1)

    async def kept(self, what: Any, *args: Any) -> None:
        """A client that failed counts, and is replaced."""
        while True:
            try:
                await what(*args)
            except (OSError, asyncio.IncompleteReadError):
                self.seen.failures += 1
                await asyncio.sleep(0.5)

    async def run(self, pollers: int, readers: int, dawdlers: int) -> Seen:
        """Until the standard input ends."""
        tasks = [asyncio.create_task(self.kept(self.poll, i * POLL_S / max(1, pollers))) for i in range(pollers)]
        tasks += [asyncio.create_task(self.kept(self.listen, i * POLL_S / max(1, readers))) for i in range(readers)]
        tasks += [asyncio.create_task(self.kept(self.dawdle)) for _ in range(dawdlers)]
        await asyncio.to_thread(sys.stdin.read)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return self.seen


class Company:
    """The clients' process."""

    def __init__(self, args: argparse.Namespace, url: str) -> None:
        command = [sys.executable, __file__, "--clients-of", url, "--pollers", str(args.pollers)]
        command += ["--readers", str(args.readers), "--dawdlers", str(args.dawdlers)]
        self.process = subprocess.Popen(
            [*pinned(args.server_core), *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def stop(self) -> Seen:
        """Ends them."""
        output = self.process.communicate("")[0]
        if self.process.returncode != 0:
            raise SystemExit("the clients failed")
        return Seen(**json.loads(output))


# ---- the runs


@dataclasses.dataclass
class Sample:
    """One run."""

    requests_per_second: float
    rss_anon_kib: int = 0
    cpu_share: float = 0.0
    seen: Seen = dataclasses.field(default_factory=Seen)
    holds: dict[str, dict[str, float]] = dataclasses.field(default_factory=dict)
    latency_p99_ms: float = 0.0


def results_server_of(pid: int) -> int:
    """The process of a run's results server."""
    for child in children_of(pid):
        with contextlib.suppress(OSError):
            if b"results-server" in Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0"):
                return child
    raise SystemExit("the run has no process for its results server")


def run_command(
    args: argparse.Namespace, url: str, artifacts: Path, core: int | None = None, requests: int = 0
) -> list[str]:
    where = pinned(args.client_core if core is None else core)
    command = [*where, str(args.program), "profile", "--model", "m", "--url", url, "--streaming"]
    if requests or not args.rate:
        command += ["--concurrency", str(1 if requests else args.connections)]
    else:
        command += ["--request-rate", str(args.rate), "--arrival-pattern", "constant"]
    command += ["--request-count", str(requests)] if requests else ["--benchmark-duration", str(args.seconds)]
    command += ["--workers-max", "1", "--use-server-token-count", "--tokenizer", args.tokenizer, "--isl", "16"]
    command += ["--osl", "16", "--ui", "none", "--export-level", "summary", "--artifact-dir", str(artifacts)]
    return [*command, "--backend", "process"]


def take_figures(sample: Sample, artifacts: Path) -> Sample:
    """With the figures of the run's summary."""
    summary = json.loads((artifacts / "profile_export_aiperf.json").read_text())
    sample.requests_per_second = float(summary["request_throughput"]["avg"])
    sample.latency_p99_ms = float(summary["request_latency"]["p99"])
    return sample


@contextlib.contextmanager
def held_run(args: argparse.Namespace, url: str, artifacts: Path) -> Iterator[str]:
    """The results server of a run of one request, on the core of the clients."""
    command = [*run_command(args, url, artifacts, args.server_core, 1), "--api-port", "0"]
    environment = os.environ | {GRACE: "300"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for((artifacts / "api.json").exists)
            api = json.loads((artifacts / "api.json").read_text())["url"]
            wait_for(lambda: status(api) != "running")
            yield api
        finally:
            process.send_signal(signal.SIGINT)


def run_alone(args: argparse.Namespace, url: str, artifacts: Path) -> Sample:
    with held_run(args, url, artifacts / "held") as elsewhere:
        company = Company(args, elsewhere)
        subprocess.run(run_command(args, url, artifacts), check=True, stdout=subprocess.DEVNULL)
        company.stop()
    return take_figures(Sample(0.0), artifacts)


def fetch(url: str, coding: str) -> float:
    """Seconds a file takes."""
    began = time.monotonic()
    headers = {"Accept-Encoding": coding}
    with urlopen(Request(url + "/api/results/files/big.jsonl", headers=headers), timeout=600) as answer:
        while answer.read(1 << 20):
            pass
    return time.monotonic() - began


def measure_hold(args: argparse.Namespace, url: str, coding: str, server: int) -> dict[str, float]:
    company = Company(args, url)
    time.sleep(1)
    took = fetch(url, coding) if coding else float(args.seconds)
    if not coding:
        time.sleep(took)
    anon = rss_anon_kib(server)
    waits = sorted(company.stop().waits_ms)
    return {
        "rate": FILE_BYTES / took / 1e6 if coding else 0.0,
        "median": waits[len(waits) // 2],
        "p99": waits[len(waits) * 99 // 100],
        "anon": anon,
    }


def status(url: str) -> str:
    with urlopen(url + "/api/results", timeout=60) as answer:
        return str(json.load(answer)["status"])


def run_in_company(args: argparse.Namespace, url: str, artifacts: Path, with_hold: bool) -> Sample:
    environment = os.environ | {GRACE: "300" if with_hold else "0.5"}
    command = [*run_command(args, url, artifacts), "--api-port", "0"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        api = wait_for((artifacts / "api.json").exists) and json.loads((artifacts / "api.json").read_text())
        # The clients are there as long as requests are sent, and gone before the server closes.
        company = Company(args, api["url"])
        server = results_server_of(process.pid)
        largest = [0]

        def is_over() -> bool:
            largest[0] = max(largest[0], rss_anon_kib(server))
            return process.poll() is not None or status(api["url"]) != "running"

        began = time.monotonic()
        wait_for(is_over, args.seconds + 60)
        share = cpu_s(server) / (time.monotonic() - began)
        sample = Sample(0.0, largest[0], share, company.stop())
        if with_hold:
            unit = b"".join(b'{"request": %07d, "latency_ms": 12.5}\n' % number for number in range(30_000))[: 1 << 20]
            with (artifacts / "big.jsonl").open("wb") as file:
                for _ in range(FILE_BYTES >> 20):
                    file.write(unit)
            for coding in ("", "identity", "gzip", "zstd"):
                sample.holds[coding] = measure_hold(args, api["url"], coding, server)
            process.send_signal(signal.SIGINT)
        if process.wait(60) != 0:
            raise SystemExit(f"the run ended with {process.returncode}")
    return take_figures(sample, artifacts)


# ---- the report


def report(args: argparse.Namespace, alone: list[Sample], company: list[Sample]) -> None:
    ratios = [b.requests_per_second / a.requests_per_second for a, b in zip(alone, company, strict=True)]
    waits = sorted(wait for sample in company for wait in sample.seen.waits_ms)
    print(f"{args.pollers} pollers at {1 / POLL_S:.0f} Hz, {args.readers} readers, {args.dawdlers} dawdlers\n")
    print(
        "| | requests/s | of without | the run's latency p99 | the server's share of the core | answer, median | p99 "
        "| its RssAnon |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    late = [statistics.median(sample.latency_p99_ms for sample in side) for side in (alone, company)]
    print(f"| without | {statistics.median(s.requests_per_second for s in alone):,.0f} | | {late[0]:.2f} ms | | | | |")
    anon = max(sample.rss_anon_kib for sample in company) / 1024
    print(
        f"| with | {statistics.median(s.requests_per_second for s in company):,.0f} | {statistics.median(ratios):.3f} "
        f"({min(ratios):.3f} to {max(ratios):.3f}) | {late[1]:.2f} ms | "
        f"{statistics.median(s.cpu_share for s in company):.1%} | "
        f"{waits[len(waits) // 2]:.2f} ms | "
        f"{waits[len(waits) * 99 // 100]:.2f} ms | {anon:.1f} MiB |"
    )
    print("\n| in the hold, 100 MB | rate | answer, median | p99 | RssAnon of the server |")
    print("| --- | --- | --- | --- | --- |")
    for coding, hold in company[-1].holds.items():
        rate = f"{hold['rate']:.0f} MB/s" if coding else ""
        print(
            f"| {coding or 'nothing fetched'} | {rate} | {hold['median']:.2f} ms | {hold['p99']:.2f} ms "
            f"| {hold['anon'] / 1024:.1f} MiB |"
        )
    print(f"\nfailures seen by clients: {sum(sample.seen.failures for sample in company)}")
    print(f"events read: {sum(sample.seen.events for sample in company)}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, default=Path(__file__).parents[1] / "build/dev/bin/aiperf-cpp")
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--seconds", type=int, default=5, help="length of a run")
    parser.add_argument("--rate", type=int, default=5000, help="requests/s of a run; 0: as many as it can")
    parser.add_argument("--connections", type=int, default=64, help="of a run with --rate 0")
    parser.add_argument("--pollers", type=int, default=50)
    parser.add_argument("--readers", type=int, default=20, help="of /api/events")
    parser.add_argument("--dawdlers", type=int, default=100, help="clients that send a byte a second")
    parser.add_argument("--tokenizer", default=TOKENIZER)
    parser.add_argument("--server-core", type=int, default=0)
    parser.add_argument("--client-core", type=int, default=1)
    parser.add_argument("--clients-of", metavar="URL", help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    args = arguments()
    if args.clients_of:
        seen = asyncio.run(Clients(args.clients_of).run(args.pollers, args.readers, args.dawdlers))
        print(json.dumps(dataclasses.asdict(seen)))
        return
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        alone: list[Sample] = []
        company: list[Sample] = []
        with mock_server(args.program, args.server_core) as url:
            for number in range(args.pairs):
                alone.append(run_alone(args, url, work / f"alone{number}"))
                last = number == args.pairs - 1
                company.append(run_in_company(args, url, work / f"company{number}", last))
        report(args, alone, company)


if __name__ == "__main__":
    main()
