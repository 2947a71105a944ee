"""A recorded run: its command line, its scripted server, and what the recorded program left."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .outcome import Outcome, read_jsonl

if TYPE_CHECKING:
    from pathlib import Path

OPEN_LOOP_FLAGS = ("--request-rate", "--user-centric-rate", "--fixed-schedule", "--request-rate-series")
FILE_DATA_FLAGS = ("--input-file", "--public-dataset", "--hf-weka-dataset")
STDDEV_FLAGS = (
    "--isl-stddev",
    "--prompt-input-tokens-stddev",
    "--synthetic-input-tokens-stddev",
    "--seq-dist",
    "--sequence-distribution",
)
OSL_STDDEV_FLAGS = (
    "--osl-stddev",
    "--output-tokens-stddev",
    "--prompt-output-tokens-stddev",
    "--seq-dist",
    "--sequence-distribution",
)
ISL_FLAGS = ("--isl", "--prompt-input-tokens-mean", "--synthetic-input-tokens-mean")


@dataclass(frozen=True)
class Case:
    """One folder of the golden data. Nothing is decided by its name."""

    directory: Path

    @cached_property
    def spec(self) -> dict[str, Any]:
        """The parsed case.json."""
        spec: dict[str, Any] = json.loads((self.directory / "case.json").read_text(encoding="utf-8"))
        return spec

    @property
    def name(self) -> str:
        """The folder's name: for messages only."""
        return self.directory.name

    @property
    def args(self) -> list[str]:
        """The recorded arguments, placeholders unresolved."""
        return list(self.spec["args"])

    @property
    def signals(self) -> list[dict[str, Any]]:
        """What is sent to the program, in order."""
        return list(self.spec["signals"])

    @cached_property
    def golden(self) -> Outcome:
        """What the recorded program did."""
        console = self.directory / "console.txt"
        return Outcome(
            exit_code=self.spec["exit_code"],
            artifacts=self.directory / "artifacts",
            files=tuple(entry["name"] for entry in self.spec["artifact_files"]),
            requests=read_jsonl(self.directory / "requests.jsonl"),
            console=console.read_text(encoding="utf-8") if console.exists() else None,
        )

    def value(self, *flags: str) -> str | None:
        """The argument after the last of `flags` on the command line, or None."""
        found = None
        for flag, following in zip(self.args, [*self.args[1:], ""], strict=True):
            if flag in flags:
                found = following
        return found

    def has(self, *flags: str) -> bool:
        """Whether one of `flags` is on the command line."""
        return any(flag in self.args for flag in flags)

    @cached_property
    def input_config(self) -> dict[str, Any]:
        """The configuration the recording reports, {} when it wrote none."""
        return dict((self.golden.summary or {}).get("input_config", {}))

    @property
    def synthetic(self) -> bool:
        """Prompts were made up by the program, so their text may differ."""
        kinds = {entry.get("type") for entry in self.input_config.get("datasets", [])}
        return kinds <= {"synthetic"} if kinds else not self.has(*FILE_DATA_FLAGS)

    def _drawn(self, flags: tuple[str, ...], key: str) -> bool:
        if any(self.value(flag) not in (None, "0", "0.0") for flag in flags):
            return True
        return any(
            entry.get("prompts", {}).get(key, {}).get("stddev") or entry.get("prompts", {}).get("sequence_distribution")
            for entry in self.input_config.get("datasets", [])
            if isinstance(entry.get("prompts", {}).get(key, {}), dict)
        )

    @cached_property
    def drawn_isl(self) -> bool:
        """Input lengths are random: only their distribution can agree."""
        return self._drawn(STDDEV_FLAGS, "isl")

    @cached_property
    def drawn_osl(self) -> bool:
        """Asked output lengths are random."""
        return self._drawn(OSL_STDDEV_FLAGS, "osl")

    @property
    def open_loop(self) -> bool:
        """Send times come from a schedule and not from answers."""
        kinds = {phase.get("type") for phase in self.input_config.get("phases", [])}
        return self.has(*OPEN_LOOP_FLAGS) or bool(kinds - {"concurrency", None})

    @cached_property
    def sequential(self) -> bool:
        """One request at a time: order is part of the behaviour."""
        return not self.open_loop and not overlaps(self.golden.requests)

    @cached_property
    def many_turns(self) -> bool:
        """Sessions have several turns, each sent with what was said before."""
        return any(record["metadata"].get("turn_index") for record in self.golden.records)

    @property
    def interleaved(self) -> bool:
        """Turns of several sessions are under way at once: whose answer comes first decides whose turn is next."""
        return self.many_turns and not self.sequential

    @property
    def grown_prompts(self) -> bool:
        """Made-up texts and answers are joined in one prompt: its length depends on how tokens meet there."""
        return self.synthetic and self.many_turns

    @property
    def cut(self) -> bool:
        """How many requests are made depends on time or on a signal."""
        return (
            bool(self.signals)
            or self.has("--benchmark-duration", "--warmup-duration", "--failed-request-threshold")
            or any("duration" in phase for phase in self.input_config.get("phases", []))
        )

    @property
    def ending(self) -> str:
        """How the recorded run ended, from what it left: the word that exceptions for exit codes use."""
        names = [entry["signal"] for entry in self.signals]
        if "SIGTERM" in names:
            return "terminated"
        if "SIGINT" in names:
            return "interrupted" if names == ["SIGINT"] else "interrupted_twice"
        if not self.golden.requests:
            return "unreachable" if self.golden.records else "refused"
        if self.spec["exit_code"] == 0 and self.has("--benchmark-duration"):
            return "timed"
        if self.spec["exit_code"] == 0:
            stopped = (self.golden.summary or {}).get("was_cancelled", False)
            return "over_threshold" if stopped else "done"
        return "all_failed" if self.golden.records else "refused"


def in_flight_until(request: dict[str, Any]) -> float:
    """Milliseconds on the clock of `t_ms` at which the server was through with a request."""
    ends = [*request.get("sent_ms", []), request.get("client_closed_ms") or 0.0]
    return float(request["t_ms"] + max(ends))


def overlaps(requests: list[dict[str, Any]], slack_ms: float = 0.5) -> bool:
    """Whether a request arrived while an earlier one was being answered."""
    busy_until = float("-inf")
    for request in sorted(requests, key=lambda entry: entry["t_ms"]):
        if request["t_ms"] < busy_until - slack_ms:
            return True
        busy_until = max(busy_until, in_flight_until(request))
    return False


def load_cases(directory: Path, names: list[str] | None = None) -> list[Case]:
    """All cases below `directory`, or those named. Raises SystemExit for a name that is not there."""
    found = {path.parent.name: Case(path.parent) for path in sorted(directory.glob("*/case.json"))}
    missing = sorted(set(names or []) - set(found))
    if missing:
        raise SystemExit(f"no such case in {directory}: {', '.join(missing)}")
    return [found[name] for name in names] if names else list(found.values())
