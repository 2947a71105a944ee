"""Running a tool and watching all its processes, for bench/peers.py."""

from __future__ import annotations

import ctypes
import dataclasses
import os
import re
import resource
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PR_SET_CHILD_SUBREAPER = 36
TICKS = os.sysconf("SC_CLK_TCK")
LOOK_EVERY_S = 0.1
LONGEST_RUN_S = 120


class FailedError(Exception):
    """A tool that ended with an error; the message says how."""


@dataclasses.dataclass
class Look:
    """At a tool's processes at one time, and at the server then."""

    at_s: float
    cpu_s: float
    rss_kib: int
    anon_kib: int
    answered: int
    server_cpu_s: float


@dataclasses.dataclass
class Watched:
    """A run of a tool from its start to the end of all its processes."""

    started_ns: int  # of the wall clock
    cpu_s: float
    looks: list[Look]


def adopt_orphans() -> None:
    """Processes of a tool that outlive their parent become ours, so that their times are counted."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += map(int, task.read_text().split())
        except OSError:
            continue  # a thread that has just ended
    return found


def tree(pid: int) -> list[int]:
    pids = [pid]
    for each in pids:
        pids += children(each)
    return pids


def ticks(pid: int) -> int:
    """Of processor time, with its children that have ended."""
    return sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15]))


def look(pid: int, server: int, answered: int) -> Look:
    cpu, rss, anon = 0, 0, 0
    for each in tree(pid):
        try:
            cpu += ticks(each)
            status = Path(f"/proc/{each}/status").read_text()
        except OSError:
            continue  # has just ended
        sizes = dict(re.findall(r"(VmRSS|RssAnon):\s+(\d+) kB", status))
        rss += int(sizes.get("VmRSS", 0))
        anon += int(sizes.get("RssAnon", 0))
    return Look(time.monotonic(), cpu / TICKS, rss, anon, answered, ticks(server) / TICKS)


def children_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def reap(others: list[int]) -> None:
    """Waits for what a tool left behind; `others` are not its."""
    for pid in set(children(os.getpid())) - set(others):
        os.waitpid(pid, 0)


def run(command: list[str], log: Path, environment: dict[str, str], server: int, count: Callable[[], int]) -> Watched:
    """Runs a command to its end; `count` asks the server, whose process is `server`, what it has answered."""
    others = children(os.getpid())
    before = children_cpu_s()
    looks: list[Look] = []
    with log.open("wb") as out:
        started = time.time_ns()
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=os.environ | environment,
        ) as process:  # fmt: skip
            until = time.monotonic() + LONGEST_RUN_S
            while process.poll() is None:
                if time.monotonic() > until:
                    process.kill()
                try:
                    process.wait(LOOK_EVERY_S)
                except subprocess.TimeoutExpired:
                    looks.append(look(process.pid, server, count()))
    reap(others)
    if process.returncode != 0:
        lines = log.read_text(errors="replace").strip().splitlines() or ["no output"]
        raise FailedError(f"ended with {process.returncode}: {lines[-1][:200]}")
    return Watched(started, children_cpu_s() - before, looks)
