"""What the benches share: cores, processes and what they cost, the mock server."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).resolve().parents[1]
TOKENIZER = str(ROOT / "tests/golden/tokenizer")


def core_times(core: int) -> tuple[int, int]:
    """Idle and total ticks of a core."""
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith(f"cpu{core} "):
            ticks = [int(word) for word in line.split()[1:9]]
            return ticks[3] + ticks[4], sum(ticks)
    raise SystemExit(f"no core {core} in /proc/stat")


class Idle:
    """Share of a core that was idle between entering and leaving."""

    def __init__(self, core: int) -> None:
        self.core = core
        self.share = 0.0

    def __enter__(self) -> Idle:
        self.before = core_times(self.core)
        return self

    def __exit__(self, *_: object) -> None:
        idle, total = core_times(self.core)
        self.share = (idle - self.before[0]) / max(1, total - self.before[1])


def load_average() -> str:
    """Of the last minute, as text."""
    return Path("/proc/loadavg").read_text().split()[0]


def at_share(values: Sequence[float], share: float) -> float:
    """The value below which this share of them lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def status_kib(pid: int, field: str) -> int:
    """A line of /proc/PID/status, such as RssAnon; 0: the process is gone."""
    try:
        found = re.search(rf"{field}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0
    return int(found[1]) if found else 0


def rss_anon_kib(pid: int) -> int:
    """RssAnon of a process; 0: it is gone."""
    return status_kib(pid, "RssAnon")


def cpu_s(pid: int) -> float:
    """CPU time of a process; 0: it is gone."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def children_of(pid: int) -> list[int]:
    """Processes that the threads of one have started and that are still there."""
    children: list[int] = []
    with contextlib.suppress(OSError):  # threads come and go
        for task in Path(f"/proc/{pid}/task").iterdir():
            children += [int(word) for word in (task / "children").read_text().split()]
    return children


def socket_pages() -> int:
    """Pages of memory that TCP sockets of this machine hold."""
    found = re.search(r"TCP:.* mem (\d+)", Path("/proc/net/sockstat").read_text())
    return int(found[1]) if found else 0


class Peaks:
    """Largest memory of a process and of all it has started, until it is over or told to stop; KiB."""

    def __init__(self, pid: int, interval_s: float = 0.02) -> None:
        self.anon = 0
        self.file = 0
        self.shmem = 0
        self.largest_anon = 0  # of one process
        self.socket_pages = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, args=(pid, interval_s), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the watch."""
        self._over.set()
        self._thread.join()

    def _watch(self, pid: int, interval_s: float) -> None:
        while not self._over.wait(interval_s):
            pids = [pid, *children_of(pid)]
            anon = [rss_anon_kib(one) for one in pids]
            self.anon = max(self.anon, sum(anon))
            self.largest_anon = max(self.largest_anon, *anon)
            self.file = max(self.file, sum(status_kib(one, "RssFile") for one in pids))
            self.shmem = max(self.shmem, sum(status_kib(one, "RssShmem") for one in pids))
            self.socket_pages = max(self.socket_pages, socket_pages())


def wait_for(what: Any, timeout_s: float = 60) -> Any:
    """The first true value."""
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        if value := what():
            return value
        time.sleep(0.05)
    raise SystemExit("something does not come")


def pinned(core: int) -> list[str]:
    """What a command begins with, so that it stays on a core."""
    return ["taskset", "-c", str(core)]


@contextlib.contextmanager
def started(command: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A command in the background, which does not outlive a failure."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


@contextlib.contextmanager
def mock_server(program: Path, core: int, *flags: str) -> Iterator[str]:
    """Starts the mock server on a core and gives its URL."""
    command = [*pinned(core), str(program), "mock", "--port", "0", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split()[-1]
        finally:
            process.send_signal(signal.SIGTERM)
