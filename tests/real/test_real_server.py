"""Benchmarks a real LLM server: our counts against its own, our times against its own and another client's."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import pytest
from aiperf_parity.programs import find_program
from command_support import Artifacts, Running
from ending_support import BACKENDS, GRACE, Poller, words
from real_support import (
    ISL,
    OSL,
    REQUESTS,
    ROOT,
    Answer,
    Run,
    Server,
    ask,
    chat_prompt,
    check_counts,
    served,
    undisturbed,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from real_support import NoteFigure

# building the server takes minutes, once
pytestmark = [pytest.mark.real, pytest.mark.timeout(3600)]

FIXED = {"temperature": 0, "ignore_eos": True, "cache_prompt": False}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server with a tiny random model, in AIPERF_REAL_WORKDIR (default: build/real), stopped at the end."""
    work = Path(os.environ.get("AIPERF_REAL_WORKDIR", ROOT / "build" / "real"))
    with served("real_llm_server.sh", work, FIXED, "tiny") as running:
        yield running


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
