"""Runs of the finished command, as a person would start them, and what they leave."""

# ruff: noqa: E402 (the harness lives in a folder of its own)

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "parity"))

from aiperf_parity.programs import Mock, clean_environment, find_program, stop, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = [
    "CHAT",
    "HANG_S",
    "TOKENIZER",
    "Artifacts",
    "Finished",
    "Mock",
    "Running",
    "answer",
    "chat_script",
    "find_program",
    "stop",
    "wait_until",
]

TOKENIZER = ROOT / "tests" / "golden" / "tokenizer"
CHAT = "/v1/chat/completions"
HANG_S = 60.0


def answer(
    words: Sequence[str] = ("The", " server", " answers."), first_ms: float = 5, gap_ms: float = 2
) -> dict[str, Any]:
    """A scripted streamed chat answer of these words, usage at its end."""

    def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}

    usage = {"prompt_tokens": 9, "completion_tokens": len(words), "total_tokens": 9 + len(words)}
    events: list[list[Any]] = [[0, chunk({"role": "assistant", "content": ""})]]
    events += [[gap_ms, chunk({"content": word})] for word in words]
    events += [[0, chunk({}, "stop")], [0, {**chunk({}), "choices": [], "usage": usage}], [0, "[DONE]"]]
    return {"delay_ms": first_ms, "events": events}


def chat_script(*answers: dict[str, Any]) -> dict[str, Any]:
    """A script in which the chat route gives these answers in turn."""
    return {"routes": [{"method": "POST", "path": CHAT, "answers": list(answers or (answer(),))}]}


class Artifacts:
    """The files of a run."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def summary(self) -> dict[str, Any]:
        """The JSON summary."""
        value: dict[str, Any] = json.loads((self.directory / "profile_export_aiperf.json").read_text(encoding="utf-8"))
        return value

    def records(self, phase: str = "profiling") -> list[dict[str, Any]]:
        """The per-request lines of one phase."""
        lines = (self.directory / "profile_export.jsonl").read_text(encoding="utf-8").split("\n")
        rows = [json.loads(line) for line in lines if line.strip()]
        return [row for row in rows if row["metadata"]["benchmark_phase"] == phase]

    def good_ids(self) -> set[str]:
        """Request ids of the good answers."""
        return {row["metadata"]["x_request_id"] for row in self.records() if "error" not in row}

    def value(self, tag: str) -> float:
        """avg of a metric of the summary."""
        return float(self.summary()[tag]["avg"])

    def check_valid(self) -> None:
        """Every artifact that is there is whole: JSON parses, tables have rows of equal length."""
        for path in self.directory.glob("*.json"):
            json.loads(path.read_text(encoding="utf-8"))
        for path in self.directory.glob("*.jsonl"):
            text = path.read_text(encoding="utf-8")
            assert text.endswith("\n") or not text, f"{path.name} ends within a line"
            for line in text.split("\n"):
                assert not line.strip() or json.loads(line)
        for path in self.directory.glob("*.csv"):
            content = path.read_bytes().lstrip()
            assert not content or content.startswith(b"Metric,"), path.name


class Finished:
    """A command that has ended."""

    def __init__(self, exit_code: int, stdout: str, stderr: str) -> None:
        self.exit_code = exit_code
        self.stdout = stdout
        self.stderr = stderr

    @property
    def error_lines(self) -> list[str]:
        """Lines on stderr that are not empty."""
        return [line for line in self.stderr.splitlines() if line.strip()]


class Running:
    """A command that was started; output goes to files, so that a full pipe never stops it."""

    def __init__(
        self,
        command: Sequence[str],
        workdir: Path,
        environment: Mapping[str, str] | None = None,
        preexec: Callable[[], None] | None = None,
    ) -> None:
        workdir.mkdir(parents=True, exist_ok=True)
        number = len(list(workdir.glob("stdout*.txt")))
        self._out, self._err = workdir / f"stdout{number}.txt", workdir / f"stderr{number}.txt"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                command,
                cwd=workdir,
                env=clean_environment(environment, workdir),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                preexec_fn=preexec,  # noqa: PLW1509 (limits of the child; the tests have no threads)
            )

    def wait(self, timeout_s: float = HANG_S) -> Finished:
        """Waits for the end. One that does not come is killed, and the test fails."""
        try:
            self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"hangs: no end within {timeout_s:g} s; stderr: {self._read(self._err)}") from None
        return Finished(self.process.returncode, self._read(self._out), self._read(self._err))

    def signal(self, number: int) -> None:
        """Sends a signal to the program itself (not to its group)."""
        os.kill(self.process.pid, number)

    @property
    def stdout(self) -> str:
        """What it has written so far."""
        return self._read(self._out)

    @property
    def stderr(self) -> str:
        """What it has written so far."""
        return self._read(self._err)

    @property
    def ended(self) -> bool:
        """Whether it has."""
        return self.process.poll() is not None

    def stop(self) -> None:
        """Ends it, if need be by force."""
        stop(self.process, 5.0)

    @staticmethod
    def _read(path: Path) -> str:
        return path.read_text(encoding="utf-8", errors="replace")
