"""Sessions of several turns, as the server sees them and as the artifacts tell of them."""

from __future__ import annotations

import itertools
import json
import signal
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiperf_cpp as ap
import pytest
from aiperf_parity.tokens import load_counter
from command_support import HANG_S, TOKENIZER, answer, chat_script, wait_until
from transport_support import Door, nghttpx

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Command, MockFactory

TALK = ["--num-sessions", "4", "--session-turns-mean", "3"]
WAYS = pytest.mark.parametrize("way", [["thread", "1"], ["thread", "3"], ["process", "3"]], ids=" ".join)
WORDS = ("An", ' "answer"', " of\n", "many \\ ä")


def by_session(requests: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Requests of each session, in order of arrival."""
    sessions: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for request in requests:
        sessions[dict(request["headers"])["X-Correlation-ID"]].append(request)
    return sessions


def texts(request: dict[str, Any]) -> list[str]:
    """What is said in a request, in order."""
    return [message["content"] for message in request["body"]["messages"]]


def check_lengths(records: list[dict[str, Any]], requests: list[dict[str, Any]]) -> None:
    """Input lengths are those of all texts sent, counted by the reference tokenizer."""
    count = load_counter(Path(TOKENIZER))
    assert count is not None
    sent = {request["x_request_id"]: count(" ".join(texts(request))) for request in requests}
    for record in records:
        tag = "error_isl" if "error" in record else "input_sequence_length"
        assert record["metrics"][tag]["value"] == sent[record["metadata"]["x_request_id"]]


@WAYS
def test_each_turn_says_what_was_said_before(command: Command, mock: MockFactory, way: list[str]) -> None:
    server = mock(chat_script(answer(WORDS), answer(("Short.",))))
    flags = ["--concurrency", "2", "--backend", way[0], "--workers-max", way[1]]
    done = command.profile(server.url, *TALK, *flags)
    assert done.exit_code == 0, done.stderr
    requests = server.stop()
    assert len(requests) == 12
    replies = {"".join(WORDS), "Short."}
    for turns in by_session(requests).values():
        assert [len(texts(turn)) for turn in turns] == [1, 3, 5]
        for before, after in itertools.pairwise(turns):
            assert texts(after)[: len(texts(before))] == texts(before)
            assert texts(after)[len(texts(before))] in replies
            roles = [message["role"] for message in after["body"]["messages"]]
            assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"]
    assert len({texts(turn)[-1] for turn in requests}) == 12
    check_lengths(command.artifacts.records(), requests)
    inputs = json.loads((command.artifacts.directory / "inputs.json").read_text(encoding="utf-8"))
    assert [len(session["payloads"]) for session in inputs["data"]] == [3] * 4


@WAYS
def test_a_turn_waits_for_the_answer_and_its_delay(command: Command, mock: MockFactory, way: list[str]) -> None:
    server = mock(chat_script(answer(("Short.",))))
    flags = ["--concurrency", "4", "--backend", way[0], "--workers-max", way[1]]
    delay = ["--session-turn-delay-mean", "80", "--session-delay-ratio", "0.5"]
    done = command.profile(server.url, *TALK, *delay, *flags)
    assert done.exit_code == 0, done.stderr
    sessions: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for record in sorted(command.artifacts.records(), key=lambda record: int(record["metadata"]["session_num"])):
        sessions[record["metadata"]["x_correlation_id"]].append(record["metadata"])
    assert len(sessions) == 4
    for turns in sessions.values():
        assert [turn["turn_index"] for turn in turns] == [0, 1, 2]
        assert len({turn["conversation_id"] for turn in turns}) == len({turn["worker_id"] for turn in turns}) == 1
        for before, after in itertools.pairwise(turns):
            assert after["request_start_ns"] - before["request_end_ns"] >= 40_000_000


def test_a_failed_turn_stays_without_an_answer_and_the_session_goes_on(command: Command, mock: MockFactory) -> None:
    failure = {"delay_ms": 2, "status": 500, "reason": "Broken", "json": {"error": "boom"}}
    server = mock(chat_script(answer(("One",)), failure, answer(("Three",))))
    done = command.profile(server.url, "--num-sessions", "1", "--session-turns-mean", "3")
    assert done.exit_code == 0, done.stderr
    requests = server.stop()
    roles = [[message["role"] for message in request["body"]["messages"]] for request in requests]
    assert roles[2] == ["user", "assistant", "user", "user"]
    check_lengths(command.artifacts.records(), requests)


def test_a_number_of_requests_ends_sessions_in_their_middle(command: Command, mock: MockFactory) -> None:
    server = mock(chat_script(answer(("Short.",))))
    flags = ["--request-count", "5", "--session-turns-mean", "3", "--session-turn-delay-mean", "1"]
    assert command.profile(server.url, *flags).exit_code == 0
    assert [len(texts(request)) for request in server.stop()] == [1, 3, 5, 1, 3]


def test_a_warm_up_of_sessions_is_not_counted(command: Command, mock: MockFactory) -> None:
    server = mock(chat_script(answer(("Short.",))))
    done = command.profile(server.url, "--num-warmup-sessions", "2", "--num-sessions", "1", "--session-turns-mean", "2")
    assert done.exit_code == 0, done.stderr
    assert len(by_session(server.stop())) == 3
    assert command.artifacts.value("request_count") == 2
    assert len(command.artifacts.records("warmup")) == 4


@WAYS
def test_a_sticky_session_has_a_connection_of_its_own(command: Command, mock: MockFactory, way: list[str]) -> None:
    server = mock(chat_script(answer(("Short.",))))
    flags = ["--concurrency", "2", "--backend", way[0], "--workers-max", way[1]]
    done = command.profile(server.url, *TALK, *flags, "--connection-reuse-strategy", "sticky-user-sessions")
    assert done.exit_code == 0, done.stderr
    used = [{turn["conn"] for turn in turns} for turns in by_session(server.stop()).values()]
    assert [len(connections) for connections in used] == [1] * 4
    assert len(set().union(*used)) == 4


@pytest.fixture
def gateway_door(mock: MockFactory, tmp_path: Path) -> Iterator[Door]:
    """A door that counts connections, in front of a gateway that speaks HTTP/2, in front of a mock."""
    gateway = nghttpx(tmp_path / "nghttpx", mock(chat_script(answer(("Short.",)))).port, None)
    door = Door(("127.0.0.1", gateway.port))
    yield door
    door.stop()
    gateway.stop()


@pytest.mark.parametrize(("strategy", "connections"), [("sticky-user-sessions", 4), ("never", 12), ("pooled", 1)])
def test_so_it_is_over_http2(command: Command, gateway_door: Door, strategy: str, connections: int) -> None:
    flags = ["--http-version", "2", "--concurrency", "2", "--workers-max", "1"]
    url = f"http://127.0.0.1:{gateway_door.port}"
    done = command.profile(url, *TALK, *flags, "--connection-reuse-strategy", strategy)
    assert done.exit_code == 0, done.stderr
    records = command.artifacts.records()
    assert [record.get("error") for record in records] == [None] * 12
    assert gateway_door.connections == 1 + connections  # with the probe's


def test_a_killed_run_is_recovered_with_the_lengths_of_later_turns(command: Command, mock: MockFactory) -> None:
    server = mock(chat_script(answer(WORDS)))
    flags = ["--num-sessions", "500", "--session-turns-mean", "4", "--session-turns-stddev", "1", "--concurrency", "3"]
    running = command.start_profile(server.url, *flags, "--backend", "thread")
    wait_until(lambda: len(server.requests()) >= 40, HANG_S, "requests")
    running.signal(signal.SIGKILL)
    running.wait()
    assert command.run("recover", str(command.artifacts.directory)).exit_code == 0
    records = [record for record in command.artifacts.records() if "error" not in record]
    assert len([record for record in records if record["metadata"]["turn_index"] > 1]) >= 5
    check_lengths(records, server.stop())


def test_ctrl_c_in_the_middle_of_sessions_keeps_what_was_said(command: Command, mock: MockFactory) -> None:
    server = mock(chat_script(answer(WORDS, first_ms=30)))
    flags = ["--num-sessions", "500", "--session-turns-mean", "4", "--session-turn-delay-mean", "20"]
    running = command.start_profile(server.url, *flags, "--concurrency", "5", "--workers-max", "2")
    wait_until(lambda: len(server.requests()) >= 20, HANG_S, "requests")
    running.signal(signal.SIGINT)
    assert running.wait().exit_code == 130
    check_lengths(command.artifacts.records(), server.stop())


def test_sessions_from_python(mock: MockFactory, tmp_path: Path) -> None:
    result = ap.profile(
        model="m",
        url=mock(chat_script(answer(("Short.",)))).url,
        tokenizer=str(TOKENIZER),
        isl=12,
        num_sessions=3,
        session_turns_mean=2,
        artifact_directory=str(tmp_path / "run"),
    )
    assert result.valid == 6
    assert sorted(zip(result.records["session"], result.records["turn"], strict=True)) == [
        (session, turn) for session in range(3) for turn in range(2)
    ]


def test_completions_have_no_turns(command: Command) -> None:
    done = command.profile("http://127.0.0.1:9", *TALK, "--endpoint-type", "completions")
    assert done.exit_code == 2
    assert "--session-turns-mean: sessions of several turns need --endpoint-type chat" in done.stderr
