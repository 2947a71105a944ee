"""What a run left behind, whoever ran it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

RECORDS = "profile_export.jsonl"
SUMMARY = "profile_export_aiperf.json"
TABLE = "profile_export_aiperf.csv"
INPUTS = "inputs.json"
READY = ".aiperf_results_ready.json"
MANIFEST = "phase_manifest.json"
PHASES = "phases/"
WORKER_FLAGS = ("--workers-max", "--max-workers")


@dataclass
class Outcome:
    """Exit code, files, requests and console of one run.

    `files` are the names of everything written, relative to `artifacts`; a recording may have left out the content
    of some.
    `requests` are in the form of the golden requests.jsonl. `console` is None where it was not kept.
    `substitutions` are (text, placeholder) pairs, applied to what is read from artifacts and console.
    """

    exit_code: int | None
    artifacts: Path
    files: tuple[str, ...]
    requests: list[dict[str, Any]]
    console: str | None = None
    stderr: str = ""
    hung: bool = False
    substitutions: tuple[tuple[str, str], ...] = ()
    extra_args: tuple[str, ...] = ()
    _kept: dict[str, bytes] = field(default_factory=dict)

    def keep(self) -> None:
        """Reads the artifacts that are compared, so that their folder may go."""
        phases = tuple(name for name in self.files if name.startswith(PHASES))
        for name in (RECORDS, SUMMARY, TABLE, INPUTS, READY, MANIFEST, *phases):
            if (self.artifacts / name).is_file():
                self._kept[name] = (self.artifacts / name).read_bytes()

    def has_file(self, name: str) -> bool:
        """Whether the content of an artifact is there to be compared."""
        return name in self._kept or (self.artifacts / name).is_file()

    def substitute(self, text: str) -> str:
        """`text` with machine-dependent parts replaced by placeholders."""
        for value, placeholder in self.substitutions:
            text = text.replace(value, placeholder)
        return text

    def text(self, name: str) -> str:
        """An artifact as text, placeholders put in."""
        content = self._kept[name] if name in self._kept else (self.artifacts / name).read_bytes()
        return self.substitute(content.decode("utf-8"))

    @cached_property
    def records(self) -> list[dict[str, Any]]:
        """Lines of profile_export.jsonl; [] without the file."""
        return parse_jsonl(self.text(RECORDS)) if self.has_file(RECORDS) else []

    @cached_property
    def summary(self) -> dict[str, Any] | None:
        """profile_export_aiperf.json; None without the file."""
        return json.loads(self.text(SUMMARY)) if self.has_file(SUMMARY) else None

    @cached_property
    def answer_of(self) -> dict[str, int]:
        """Which scripted answer each request got, by request id."""
        return {
            request["x_request_id"]: request["answer"]
            for request in self.requests
            if request.get("x_request_id") and request.get("answer") is not None
        }

    @cached_property
    def request_of(self) -> dict[str, dict[str, Any]]:
        """Requests by request id."""
        return {request["x_request_id"]: request for request in self.requests if request.get("x_request_id")}


def parse_jsonl(text: str) -> list[dict[str, Any]]:
    """One JSON value per line that is not empty."""
    return [json.loads(line) for line in text.split("\n") if line.strip()]


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """parse_jsonl of a file; [] where there is none."""
    return parse_jsonl(path.read_text(encoding="utf-8")) if path.exists() else []


def list_files(directory: Path) -> tuple[str, ...]:
    """Names of all files below `directory`, sorted; () where it does not exist."""
    return tuple(sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()))
