"""The processes of a run, found by a mark in their environment: no process that was started by one can lose it."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from aiperf_soak.plan import CONTROLLER

MARK = "SOAK_RUN"


@dataclass(frozen=True)
class Member:
    """One process."""

    pid: int
    name: str  # controller, worker_N, results-server


def members(mark: str) -> list[Member]:
    """All that are alive now. Zombies have no environment and are not seen; their parent is."""
    found = []
    wanted = f"{MARK}={mark}".encode()
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            variables = (folder / "environ").read_bytes().split(b"\0")
        except OSError:  # it has ended, or is another user's
            continue
        if wanted in variables:
            names = [entry[18:].decode() for entry in variables if entry.startswith(b"AIPERF_CHILD_NAME=")]
            found.append(Member(int(folder.name), names[0] if names else CONTROLLER))
    return found


def find(mark: str, name: str, patience_s: float) -> Member | None:
    """The member of this name, once it is there."""
    deadline = time.monotonic() + patience_s
    while True:
        for member in members(mark):
            if member.name == name:
                return member
        if time.monotonic() >= deadline:
            return None


def left_after(mark: str, patience_s: float) -> list[Member]:
    """Who is still alive after that time."""
    deadline = time.monotonic() + patience_s
    while (left := members(mark)) and time.monotonic() < deadline:
        pass
    return left


def end_all(mark: str) -> None:
    """Kills what is left, each by its pid."""
    for member in members(mark):
        with contextlib.suppress(ProcessLookupError):
            os.kill(member.pid, signal.SIGKILL)
