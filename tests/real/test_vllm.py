"""Benchmarks a real vLLM on this machine's CPU: counts, shapes of answers, its own metrics."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import pytest
from real_support import (
    OSL,
    REQUESTS,
    ROOT,
    Run,
    Server,
    ask,
    benchmarks,
    chat_prompt,
    check_counts,
    served,
    undisturbed,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from real_support import NoteFigure

# installing the server takes minutes and 6 GB, once
pytestmark = [pytest.mark.vllm, pytest.mark.timeout(3600)]

FIXED = {"temperature": 0, "ignore_eos": True}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """vLLM with a tiny random model, in AIPERF_VLLM_WORKDIR (default: build/vllm), stopped at the end."""
    work = Path(os.environ.get("AIPERF_VLLM_WORKDIR", ROOT / "build" / "vllm"))
    with served("real_vllm_server.sh", work, FIXED, "--no-enable-prefix-caching", "--stream-interval", "1") as running:
        yield running


def own_metrics(server: Server) -> dict[str, float]:
    """Sums of the server's own Prometheus metrics over their labels (model, reason of the end, engine)."""
    sums: dict[str, float] = {}
    with urlopen(f"{server.url}/metrics") as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith("vllm:") and "_bucket{" not in line:
                name, value = line.split("{")[0], float(line.rsplit(" ", 1)[1])
                sums[name] = sums.get(name, 0) + value
    return sums


def growth(before: dict[str, float], after: dict[str, float], name: str) -> float:
    """By how much a sum has grown."""
    return after[f"vllm:{name}"] - before.get(f"vllm:{name}", 0)


@pytest.mark.parametrize("flags", [["--streaming"], []], ids=["streaming", "not streaming"])
def test_token_counts_of_chat_are_those_of_the_server(
    flags: list[str], server: Server, benchmark_of: Callable[..., Run], note_figure: NoteFigure
) -> None:
    before = own_metrics(server)
    run = benchmark_of(*flags)
    after = own_metrics(server)
    # before the other client asks the same bodies again
    prompt, generated = growth(before, after, "prompt_tokens_total"), growth(before, after, "generation_tokens_total")
    metrics = run.by_conversation().values()
    assert sum(row["usage_completion_tokens"] for row in metrics) == generated == REQUESTS * OSL
    assert sum(row["usage_prompt_tokens"] for row in metrics) == prompt
    assert growth(before, after, "request_success_total") == REQUESTS
    differing = check_counts(server, run, "/v1/chat/completions", chat_prompt, server.templated)
    how = "streaming" if flags else "not streaming"
    note_figure(f"chat, {how}: prompt and output tokens", f"{prompt:.0f}, {generated:.0f}", "the same by its /metrics")
    note_figure(f"chat, {how}: texts split otherwise", f"{differing} of {REQUESTS}", "random text; each text agreed")


@pytest.mark.parametrize("flags", [["--streaming"], []], ids=["streaming", "not streaming"])
def test_token_counts_of_completions_are_those_of_the_server(
    flags: list[str], server: Server, benchmark_of: Callable[..., Run]
) -> None:
    run = benchmark_of("--endpoint-type", "completions", *flags)
    check_counts(server, run, "/v1/completions", lambda body: str(body["prompt"]), lambda prompt: prompt)


def stream_of(server: Server, body: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages of one streamed answer as Python's own client reads them."""
    messages: list[dict[str, Any]] = []
    ask(server, "/v1/chat/completions", body, messages.append)
    return messages


def test_the_first_chunk_is_no_token_and_the_last_one_brings_the_finish_reason(
    server: Server, benchmark_of: Callable[..., Run]
) -> None:
    """The shapes that our records rest on; a later vLLM that changes them is noticed here."""
    run = benchmark_of("--streaming", "--concurrency", "1", count=4)
    for name, body in run.bodies().items():
        choices = [message["choices"][0] for message in stream_of(server, body) if message["choices"]]
        assert choices[0]["delta"]["role"] == "assistant"
        assert not choices[0]["delta"]["content"]
        ends = [choice["finish_reason"] for choice in choices if choice["finish_reason"]]
        assert ends == ["length"]
        assert choices[-1]["finish_reason"] == "length"
        ours = run.by_conversation()[name]
        # a token whose text is not whole yet is sent with the next one, or with an empty text
        chunks = sum(bool(choice["delta"].get("content")) for choice in choices)
        assert chunks <= OSL
        assert ours["usage_completion_tokens"] == OSL


def test_times_are_those_of_the_servers_own_metrics_and_of_another_client(
    server: Server, benchmark_of: Callable[..., Run], note_figure: NoteFigure
) -> None:
    before = own_metrics(server)
    runs = [benchmark_of("--streaming", "--use-server-token-count", "--concurrency", "1") for _ in range(2)]
    after = own_metrics(server)
    ours = [
        (m["time_to_first_token"], m["inter_token_latency"]) for run in runs for m in run.by_conversation().values()
    ]
    answers = [ask(server, "/v1/chat/completions", body) for run in runs for body in run.bodies().values()]
    count = growth(before, after, "time_to_first_token_seconds_count")
    assert count == len(ours) == 2 * REQUESTS
    own_first = growth(before, after, "time_to_first_token_seconds_sum") / count * 1e3
    gaps = growth(before, after, "inter_token_latency_seconds_count")
    assert gaps == 2 * REQUESTS * (OSL - 1)
    own_between = growth(before, after, "inter_token_latency_seconds_sum") / gaps * 1e3
    mean_first = sum(first for first, _ in ours) / len(ours)
    mean_between = sum(between for _, between in ours) / len(ours)
    note_figure("TTFT, mean, ms", f"{mean_first:.2f}", f"{own_first:.2f} by the server's own metric")
    note_figure("ITL, mean, ms", f"{mean_between:.3f}", f"{own_between:.3f} by the server's own metric")

    first, between = undisturbed(ours)
    other_first, other_between = undisturbed([(a.stamps[0], a.inter_token_ms(len(a.stamps))) for a in answers])
    note_figure("TTFT, undisturbed, ms", f"{first:.2f}", f"{other_first:.2f} http.client")
    note_figure("ITL, undisturbed, ms", f"{between:.3f}", f"{other_between:.3f} http.client")

    # The server's clock ends where a token leaves its engine: a lower bound. Its HTTP side joins tokens where it gets
    # too little of a core, so when the first one is sent is its own affair; the last one can be compared.
    own_whole = growth(before, after, "e2e_request_latency_seconds_sum") / count * 1e3
    whole = [m["request_latency"] for run in runs for m in run.by_conversation().values()]
    last, other_last = min(whole), min(answer.stamps[-1] for answer in answers)
    note_figure("answer's last token, best, ms", f"{last:.2f}", f"{other_last:.2f} http.client")
    assert mean_first >= own_first - 1
    assert sum(whole) / len(whole) >= own_whole - 1
    assert abs(last - other_last) <= max(0.3 * other_last, 10)


def test_requests_side_by_side_all_succeed(benchmark_of: Callable[..., Run], note_figure: NoteFigure) -> None:
    run = benchmark_of("--streaming", "--use-server-token-count", "--concurrency", "8", count=64)
    assert all(metrics["output_sequence_length"] == OSL for metrics in run.by_conversation().values())
    note_figure(
        "8 at once: output tokens per second",
        f"{run.artifacts.value('output_token_throughput'):.0f}",
        f"{run.artifacts.value('request_throughput'):.1f} requests per second, 64 of 64 good",
    )


def test_a_model_that_the_server_does_not_know_is_an_error_in_each_record(server: Server, tmp_path: Path) -> None:
    with benchmarks(server, tmp_path, good=False) as run:
        failed = run(count=4, model="unknown")
    assert failed.finished.exit_code == 1
    errors = [row["error"] for row in failed.artifacts.records()]
    assert [error["code"] for error in errors] == [404] * 4
    assert all("unknown" in json.dumps(error) for error in errors)
