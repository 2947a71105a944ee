"""Benchmarks a real LLM server: our counts against its own, our times against its own and another client's."""

# ruff: noqa: E402 (helpers live in folders of their own)

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "parity"), str(ROOT / "tests" / "python")]

from aiperf_parity.programs import find_program
from aiperf_parity.tokens import TokenCounter, load_counter
from command_support import Artifacts, Finished, Running
from ending_support import BACKENDS, GRACE, Poller, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    NoteFigure = Callable[[str, str, str], None]

# building the server takes minutes, once
pytestmark = [pytest.mark.real, pytest.mark.timeout(3600)]

ISL, OSL, REQUESTS = 64, 32, 16
# greedy, of exact length, and no prompt made cheaper by an earlier one: the same text and work each time
FIXED = {"temperature": 0, "ignore_eos": True, "cache_prompt": False}


@dataclass
class Server:
    """The server under test and its tokenizer."""

    url: str
    tokenizer: Path
    count: TokenCounter

    @property
    def address(self) -> str:
        """host:port."""
        return self.url.removeprefix("http://")

    def templated(self, prompt: str) -> str:
        """What the chat template makes of one user message."""
        return f"<|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\n"


def free_port() -> int:
    """A port on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server with a tiny random model, in AIPERF_REAL_WORKDIR (default: build/real), stopped at the end."""
    work = Path(os.environ.get("AIPERF_REAL_WORKDIR", ROOT / "build" / "real"))
    port = free_port()
    script = [str(ROOT / "tests" / "real" / "real_llm_server.sh"), str(work), str(port), "tiny"]
    pid = int(subprocess.run(script, check=True, stdout=subprocess.PIPE, text=True).stdout)
    try:
        count = load_counter(work / "tiny")
        assert count is not None, "the package tokenizers is needed"
        yield Server(f"http://127.0.0.1:{port}", work / "tiny", count)
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


@pytest.fixture
def benchmark_of(server: Server, tmp_path: Path) -> Iterator[Callable[..., Run]]:
    """Runs aiperf-cpp against the server; every request must succeed."""
    program = find_program()
    assert program is not None, "no program aiperf-cpp; run `make build`, or name it in AIPERF_CPP_PROGRAM"
    started: list[Running] = []

    def run(*args: str, count: int = REQUESTS) -> Run:
        artifacts = Artifacts(tmp_path / f"artifacts{len(started)}")
        flags = ["-m", "tiny", "--url", server.url, "--tokenizer", str(server.tokenizer), "--ui", "none"]
        flags += ["--isl", str(ISL), "--osl", str(OSL), "--random-seed", "7", "--extra-inputs", json.dumps(FIXED)]
        flags += ["--request-count", str(count), "--num-dataset-entries", str(count)]
        flags += ["--artifact-dir", str(artifacts.directory), *args]
        started.append(Running([str(program), "profile", *flags], tmp_path / f"work{len(started)}"))
        finished = started[-1].wait(300)
        assert finished.exit_code == 0, finished.stderr
        assert artifacts.value("request_count") == count
        assert [row for row in artifacts.records() if "error" in row] == []
        return Run(finished, artifacts)

    yield run
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


def ask(server: Server, path: str, body: dict[str, Any]) -> Answer:
    """Sends one request on a new connection with Python's http.client and reads the answer line by line."""
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
                take(answer, json.loads(line[6:]), now)
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


@pytest.mark.parametrize("flags", [["--streaming"], []], ids=["streaming", "not streaming"])
def test_token_counts_of_chat_are_those_of_the_server(
    flags: list[str], server: Server, benchmark_of: Callable[..., Run], note_figure: NoteFigure
) -> None:
    run = benchmark_of(*flags)
    differing = check_counts(server, run, "/v1/chat/completions", chat_prompt, server.templated)
    total = run.artifacts.value("total_osl")
    how = "streaming" if flags else "not streaming"
    note_figure(f"chat, {how}: output tokens of the text", f"{total:.0f}", f"{REQUESTS * OSL} drawn by the server")
    note_figure(f"chat, {how}: texts split otherwise", f"{differing} of {REQUESTS}", "random text; each text agreed")


@pytest.mark.parametrize("flags", [["--streaming"], []], ids=["streaming", "not streaming"])
def test_token_counts_of_completions_are_those_of_the_server(
    flags: list[str], server: Server, benchmark_of: Callable[..., Run]
) -> None:
    run = benchmark_of("--endpoint-type", "completions", *flags)
    check_counts(server, run, "/v1/completions", lambda body: str(body["prompt"]), lambda prompt: prompt)


@pytest.mark.parametrize("endpoint", ["chat", "completions"])
def test_counts_of_the_server_are_taken_over_as_they_are(
    endpoint: str, server: Server, benchmark_of: Callable[..., Run], note_figure: NoteFigure
) -> None:
    run = benchmark_of("--endpoint-type", endpoint, "--streaming", "--use-server-token-count")
    around = server.count(server.templated("")) if endpoint == "chat" else 0
    for metrics in run.by_conversation().values():
        assert metrics["output_sequence_length"] == metrics["usage_completion_tokens"] == OSL
        assert metrics["input_sequence_length"] == metrics["usage_prompt_tokens"]
        assert abs(metrics["input_sequence_length"] - ISL - around) <= 2, "prompt and template may join at their seams"
    note_figure(
        f"{endpoint}: server counts, input and output",
        f"{run.artifacts.value('total_isl'):.0f}, {run.artifacts.value('total_osl'):.0f}",
        f"{REQUESTS * (ISL + around)}, {REQUESTS * OSL} expected",
    )


def undisturbed(times: list[tuple[float, float]]) -> tuple[float, float]:
    """Medians of the quarter of (first token, between tokens) whose first token came earliest.

    On a busy machine any reader gets its turn late at times: then the first token is late and the gaps after it short.
    """
    best = sorted(times)[: max(len(times) // 4, 1)]
    return median(first for first, _ in best), median(between for _, between in best)


def test_times_are_those_of_the_server_and_of_another_client(
    server: Server, benchmark_of: Callable[..., Run], note_figure: NoteFigure
) -> None:
    ours: list[tuple[float, float]] = []
    answers: list[Answer] = []
    for _ in range(3):
        run = benchmark_of("--streaming", "--use-server-token-count", "--concurrency", "1")
        ours += [(m["time_to_first_token"], m["inter_token_latency"]) for m in run.by_conversation().values()]
        answers += [ask(server, "/v1/chat/completions", body) for body in run.bodies().values()]

    first_token, between = undisturbed(ours)
    other_first, other_between = undisturbed([(answer.stamps[0], answer.inter_token_ms(OSL)) for answer in answers])
    timings = [(answer.timings["prompt_ms"], answer.timings["predicted_per_token_ms"]) for answer in answers]
    prompt, per_token = undisturbed(timings)
    note_figure(
        "TTFT, ms", f"{first_token:.2f}", f"{other_first:.2f} http.client, {prompt:.2f} prompt_ms of the server"
    )
    note_figure(
        "ITL, ms", f"{between:.3f}", f"{other_between:.3f} http.client, {per_token:.3f} per token by the server"
    )
    everything = median(first for first, _ in ours), median(answer.stamps[0] for answer in answers)
    note_figure("TTFT, median of all, ms", f"{everything[0]:.2f}", f"{everything[1]:.2f} http.client (busy machine)")

    # the server's own time is a lower bound; what comes on top is the way there and back, and its HTTP layer
    assert prompt - 1 <= first_token <= prompt + 20
    assert abs(first_token - other_first) <= max(0.3 * other_first, 3)
    assert abs(between - per_token) <= max(0.3 * per_token, 0.3)
    assert abs(between - other_between) <= max(0.3 * other_between, 0.3)


def test_requests_side_by_side_all_succeed(benchmark_of: Callable[..., Run], note_figure: NoteFigure) -> None:
    """The server closes each connection after a stream: no pooled one may be trusted blindly."""
    run = benchmark_of("--streaming", "--use-server-token-count", "--concurrency", "4", count=48)
    assert all(metrics["output_sequence_length"] == OSL for metrics in run.by_conversation().values())
    note_figure(
        "4 at once: output tokens per second",
        f"{run.artifacts.value('output_token_throughput'):.0f}",
        f"{run.artifacts.value('request_throughput'):.1f} requests per second, 48 of 48 good",
    )


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_poller_sees_the_end_of_a_run_with_all_files_for_the_grace(
    backend: str, server: Server, tmp_path: Path, note_figure: NoteFigure
) -> None:
    program = find_program()
    assert program is not None
    artifacts = Artifacts(tmp_path / "artifacts")
    flags = ["-m", "tiny", "--url", server.url, "--tokenizer", str(server.tokenizer), "--ui", "none", "--streaming"]
    flags += ["--isl", str(ISL), "--osl", str(OSL), "--extra-inputs", json.dumps(FIXED), "--concurrency", "2"]
    flags += ["--request-count", "48", "--artifact-dir", str(artifacts.directory), "--backend", backend]
    poller = Poller(artifacts.directory)
    began = time.monotonic()
    running = Running([str(program), "profile", *flags, "--api-port", "0"], tmp_path / "work", {GRACE: "5"})
    try:
        poller.start()
        poller.result()
        finished = running.wait()
    finally:
        running.stop()
    took = time.monotonic() - began
    assert finished.exit_code == 0, finished.stderr
    assert words(poller.polls) == ["running", "complete", "refused"]
    assert len(poller.seen("complete")) >= 31
    assert poller.shown_s("complete") >= 4.8
    assert {"profile_export_aiperf.json", "profile_export_aiperf.csv", "profile_export.jsonl"} <= set(poller.files)
    for name, content in poller.files.items():
        assert content == (artifacts.directory / name).read_bytes(), name
    assert json.loads(poller.files["profile_export_aiperf.json"])["request_count"]["avg"] == 48
    assert poller.seen("complete")[0].body["results"]["results"]["successful_request_count"] == 48
    load = artifacts.value("benchmark_duration")
    assert took >= load + 4.8
    note_figure(f"grace of 5 s, {backend}: status complete seen, s", f"{poller.shown_s('complete'):.2f}", "5 s")
    note_figure("the same: whole of the command, s", f"{took:.2f}", f"{load:.2f} of it load")
