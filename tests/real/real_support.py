"""A real LLM server, runs of aiperf-cpp against it, and another client that asks the same."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from aiperf_parity.programs import find_program
from aiperf_parity.tokens import TokenCounter, load_counter
from command_support import Artifacts, Finished, Running
from ending_support import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    NoteFigure = Callable[[str, str, str], None]

ROOT = Path(__file__).resolve().parents[2]
ISL, OSL, REQUESTS = 64, 32, 16


@dataclass
class Server:
    """The server under test and its tokenizer."""

    url: str
    tokenizer: Path
    count: TokenCounter
    fixed: dict[str, Any]
    """Members of each body: greedy, of exact length, and no prompt made cheaper by an earlier one."""

    @property
    def address(self) -> str:
        """host:port."""
        return self.url.removeprefix("http://")

    def templated(self, prompt: str) -> str:
        """What the chat template makes of one user message."""
        return f"<|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\n"


@contextmanager
def served(script: str, work: Path, fixed: dict[str, Any], *args: str) -> Iterator[Server]:
    """The server that a script of this folder starts in a folder of its own, stopped at the end."""
    port = free_port()
    command = [str(ROOT / "tests" / "real" / script), str(work), str(port), *args]
    pid = int(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    try:
        tokenizer = work / ("tiny-hf" if "vllm" in script else "tiny")
        count = load_counter(tokenizer)
        assert count is not None, "the package tokenizers is needed"
        yield Server(f"http://127.0.0.1:{port}", tokenizer, count, fixed)
    finally:
        os.kill(pid, signal.SIGTERM)


@dataclass
class Run:
    """A benchmark that has ended."""

    finished: Finished
    artifacts: Artifacts

    def bodies(self) -> dict[str, Any]:
        """The body of each conversation."""
        inputs = json.loads((self.artifacts.directory / "inputs.json").read_text(encoding="utf-8"))
        return {entry["session_id"]: entry["payloads"][0] for entry in inputs["data"]}

    def by_conversation(self) -> dict[str, dict[str, Any]]:
        """Metrics of each conversation, values only."""
        return {
            row["metadata"]["conversation_id"]: {tag: entry["value"] for tag, entry in row["metrics"].items()}
            for row in self.artifacts.records()
        }


@contextmanager
def benchmarks(server: Server, folder: Path, *, good: bool = True) -> Iterator[Callable[..., Run]]:
    """Runs aiperf-cpp against the server; where `good`, every request must succeed."""
    program = find_program()
    assert program is not None, "no program aiperf-cpp; run `make build`, or name it in AIPERF_CPP_PROGRAM"
    started: list[Running] = []

    def run(*args: str, count: int = REQUESTS, model: str = "tiny") -> Run:
        artifacts = Artifacts(folder / f"artifacts{len(started)}")
        flags = ["-m", model, "--url", server.url, "--tokenizer", str(server.tokenizer), "--ui", "none"]
        flags += [
            "--isl",
            str(ISL),
            "--osl",
            str(OSL),
            "--random-seed",
            "7",
            "--extra-inputs",
            json.dumps(server.fixed),
        ]
        flags += ["--request-count", str(count), "--num-dataset-entries", str(count)]
        flags += ["--artifact-dir", str(artifacts.directory), *args]
        started.append(Running([str(program), "profile", *flags], folder / f"work{len(started)}"))
        finished = started[-1].wait(300)
        if good:
            assert finished.exit_code == 0, finished.stderr
            assert artifacts.value("request_count") == count
            assert [row for row in artifacts.records() if "error" in row] == []
        return Run(finished, artifacts)

    try:
        yield run
    finally:
        for running in started:
            running.stop()


@dataclass
class Answer:
    """One answer as another client saw it. Times in ms from just before the request was written."""

    texts: list[str] = field(default_factory=list)
    stamps: list[float] = field(default_factory=list)
    usage: dict[str, Any] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(self.texts)

    def inter_token_ms(self, tokens: int) -> float:
        """From the first content to the last, over the tokens after the first."""
        return (self.stamps[-1] - self.stamps[0]) / (tokens - 1)


def ask(
    server: Server, path: str, body: dict[str, Any], listen: Callable[[dict[str, Any]], object] | None = None
) -> Answer:
    """Sends one request on a new connection with Python's http.client and reads the answer line by line.

    `listen` is given each message of a stream.
    """
    connection = http.client.HTTPConnection(server.address, timeout=60)
    connection.connect()
    payload = json.dumps(body).encode()
    start = time.perf_counter()
    connection.request("POST", path, payload, {"Content-Type": "application/json"})
    response = connection.getresponse()
    assert response.status == 200, response.read()
    answer = Answer()
    if body.get("stream"):
        while line := response.readline():
            now = (time.perf_counter() - start) * 1000
            if line.startswith(b"data: {"):
                message = json.loads(line[6:])
                take(answer, message, now)
                if listen is not None:
                    listen(message)
    else:
        take(answer, json.loads(response.read()), (time.perf_counter() - start) * 1000)
    connection.close()
    return answer


def take(answer: Answer, message: dict[str, Any], now: float) -> None:
    """Adds one message to an answer."""
    for choice in message.get("choices", []):
        part = choice.get("delta") or choice.get("message") or choice
        text = part.get("content") or part.get("text")
        if text:
            answer.texts.append(text)
            answer.stamps.append(now)
    answer.usage = message.get("usage") or answer.usage
    answer.timings = message.get("timings") or answer.timings


def check_counts(
    server: Server, run: Run, path: str, prompt_of: Callable[[Any], str], sent: Callable[[str], str]
) -> int:
    """Counts of every request against the server's usage and against the text another client gets for the same body.

    `sent` is what the server makes of a prompt. Our output count is of the text. The server counts the tokens it drew,
    which for a random model are seldom those that the text is split into: these two are not compared with each other.
    Returns in how many answers they differ.
    """
    metrics = run.by_conversation()
    differing = 0
    for name, body in run.bodies().items():
        answer, ours, prompt = ask(server, path, body), metrics[name], prompt_of(body)
        assert ours["input_sequence_length"] == ISL == server.count(prompt)
        assert ours["output_sequence_length"] == server.count(answer.text)
        assert ours["usage_completion_tokens"] == answer.usage["completion_tokens"] == OSL
        assert ours["usage_prompt_tokens"] == answer.usage["prompt_tokens"] == server.count(sent(prompt))
        differing += ours["output_sequence_length"] != OSL
    return differing


def chat_prompt(body: Any) -> str:
    """The prompt in a chat body."""
    return str(body["messages"][0]["content"])


def undisturbed(times: list[tuple[float, float]]) -> tuple[float, float]:
    """Medians of the quarter of (first token, between tokens) whose first token came earliest.

    On a busy machine any reader gets its turn late at times: then the first token is late and the gaps after it short.
    """
    best = sorted(times)[: max(len(times) // 4, 1)]
    return median(first for first, _ in best), median(between for _, between in best)
