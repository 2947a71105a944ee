"""What the mock server says it has answered, and what the run's artifacts say."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiperf_soak.plan import ANSWER_TOKENS

if TYPE_CHECKING:
    from pathlib import Path

STREAM_EVENTS = ANSWER_TOKENS + 4  # role, tokens, finish reason, usage, [DONE]
NS_PER_MS = 1e6


@dataclass
class Served:
    """The mock's side. Times are CLOCK_MONOTONIC, in ns; 0 = none."""

    received: set[str] = field(default_factory=set)
    finished: dict[str, int] = field(default_factory=dict)  # request id -> when
    first_ns: int = 0
    last_ns: int = 0

    @classmethod
    def of(cls, requests: list[dict[str, Any]], streaming: bool) -> Served:
        """From the lines of a dump."""
        served = cls()
        for request in requests:
            identity, at_ns = request["x_request_id"], int(request["at_ns"])
            served.received.add(identity)
            served.first_ns = min(served.first_ns or at_ns, at_ns)
            sent, left_ms = request["sent_ms"], request.get("client_closed_ms")
            over_ns = at_ns + int(max([*sent, left_ms or 0.0]) * NS_PER_MS)
            served.last_ns = max(served.last_ns, over_ns)
            if left_ms is None and len(sent) == (STREAM_EVENTS if streaming else 1):
                served.finished[identity] = over_ns
        return served

    def finished_by(self, at_ns: int) -> int:
        """How many answers were finished then."""
        return sum(when <= at_ns for when in self.finished.values())


@dataclass
class Recorded:
    """The run's side: the lines of profile_export.jsonl and the counts of the summary."""

    lines: dict[str, dict[str, Any]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, directory: Path) -> Recorded:
        """Reads and compares both; what does not fit is a problem."""
        recorded = cls()
        path = directory / "profile_export.jsonl"
        for text in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
            line = recorded._parse(text)
            identity = line.get("metadata", {}).get("x_request_id")
            if identity in recorded.lines:
                recorded.problems.append(f"a record is twice there: {text[:200]}")
            elif identity:
                recorded.lines[identity] = line
        summary = directory / "profile_export_aiperf.json"
        if summary.exists():
            recorded._compare(json.loads(summary.read_text(encoding="utf-8")))
        elif recorded.lines:
            recorded.problems.append("there are records and no summary")
        return recorded

    def _parse(self, text: str) -> dict[str, Any]:
        try:
            line: dict[str, Any] = json.loads(text)
            if line["metadata"].keys() >= {"x_request_id", "benchmark_phase"}:
                return line
        except (ValueError, KeyError, TypeError, AttributeError):
            pass
        self.problems.append(f"a line is no record: {text[:200]}")
        return {}

    def _compare(self, summary: dict[str, Any]) -> None:
        for tag, good in (("request_count", True), ("error_request_count", False)):
            lines, said = len(self.profiling(good)), summary.get(tag, {}).get("avg", 0)
            if said != lines:
                self.problems.append(f"{tag} is {said}, and there are {lines} such records")

    def profiling(self, good: bool) -> list[dict[str, Any]]:
        """Records of the phase that is measured."""
        lines = (line for line in self.lines.values() if line["metadata"]["benchmark_phase"] == "profiling")
        return [line for line in lines if ("error" not in line) == good]

    def good(self) -> set[str]:
        """Request ids of the good answers."""
        return {identity for identity, line in self.lines.items() if "error" not in line}
