"""The parity harness itself: a recording equals itself, and every comparison notices when it does not."""

from __future__ import annotations

import copy
import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from aiperf_parity.case import Case
from aiperf_parity.compare import Context, compare_all
from aiperf_parity.compare.console import parse_console
from aiperf_parity.findings import Findings, same
from aiperf_parity.outcome import Outcome, list_files
from aiperf_parity.policy import DEFAULT_FILE, Policy
from aiperf_parity.programs import normalise_requests, wait_until
from aiperf_parity.replay import Replayed, without_flag
from aiperf_parity.statistics import describe
from aiperf_parity.verdicts import Judge, Judgement, summary_lines
from command_support import ROOT
from parity_changes import (
    CASES,
    CHANGES,
    COUNTER,
    NAMES,
    RECORDED_TIMES,
    SUMMARY,
    Replica,
    change_header,
    change_header_value,
    change_metric,
    change_record,
    shift_all,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(name="replica_of")
def _replica_of(tmp_path: Path) -> Callable[[str], Replica]:
    return lambda name: Replica(Case(CASES / name), tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_equals_itself(name: str, replica_of: Callable[[str], Replica]) -> None:
    replica = replica_of(name)
    findings = replica.findings()
    differences = findings.differences
    if counted(replica.case) < len(replica.case.golden.records):
        # AIPerf summed up before the last requests of a run that it stopped were over: its own numbers miss them
        assert replica.case.ending == "over_threshold"
        differences = [difference for difference in differences if not difference.where.endswith(".recomputed")]
    assert [difference.text() for difference in differences] == []
    assert findings.checks > (200 if replica.case.golden.summary else 60)


def counted(case: Case) -> int:
    """How many requests the recorded summary speaks of; all, where there is no summary."""
    summary, records = case.golden.summary, case.golden.records
    if summary is None or not records:
        return len(records)
    warmup = summary.get("warmup_metrics", {})
    return int(sum(one.get("completed_request_count", {}).get("avg", 0) for one in (summary, warmup)))


def test_prompts_are_counted_by_the_reference_tokenizer() -> None:
    expected = json.loads((ROOT / "tests/golden/tokenizer/expected.json").read_text(encoding="utf-8"))
    entries = expected["cases"]
    assert COUNTER is not None
    assert len(entries) > 3
    for entry in entries:
        assert COUNTER(entry["text"]) == len(entry["ids"])


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_is_noticed_where_it_was_made(what: str, replica_of: Callable[[str], Replica]) -> None:
    name, change, where = CHANGES[what]
    replica = replica_of(name)
    change(replica)
    found = {difference.where for difference in replica.findings().differences}
    assert where in found, f"noticed only at {sorted(found)}"


def test_the_order_of_metrics_in_a_record_and_of_late_members_is_free(replica_of: Callable[[str], Replica]) -> None:
    replica = replica_of("chat_nonstream")

    def turn(record: Any) -> None:
        record["metrics"] = dict(reversed(record["metrics"].items()))

    change_record(turn)(replica)

    def turn_rest(summary: dict[str, Any]) -> dict[str, Any]:
        names = list(summary)
        fixed = names.index("end_time") + 1
        return {name: summary[name] for name in names[:fixed] + names[fixed:][::-1]}

    replica.edit_json(SUMMARY, turn_rest)
    assert replica.findings().differences == []


def test_the_order_of_concurrent_requests_is_free(replica_of: Callable[[str], Replica]) -> None:
    replica = replica_of("chat_stream_usage")
    first, second = replica.requests[0], replica.requests[1]
    first["t_ms"], second["t_ms"] = second["t_ms"], first["t_ms"]
    replica.requests[0], replica.requests[1] = second, first
    assert replica.findings().differences == []


def sent_again(replica: Replica, number: int) -> dict[str, Any]:
    """Makes a request come twice: the second time on a connection of its own, as a client does after a break."""
    first = replica.requests[number]
    again = copy.deepcopy(first)
    again["conn"] = max(request["conn"] for request in replica.requests) + 1
    replica.requests.insert(number + 1, again)
    return again


def test_a_second_try_after_a_break_is_noted_and_changes_nothing_else(replica_of: Callable[[str], Replica]) -> None:
    replica = replica_of("errors_mixed")
    broken = next(i for i, one in enumerate(replica.requests) if one.get("mock_action") == "reset" and i > 0)
    sent_again(replica, broken)
    assert [(one.where, one.side) for one in replica.findings().differences] == [("requests.second_try", "extra")]


def test_a_second_try_without_a_break_or_with_another_body_is_noticed(replica_of: Callable[[str], Replica]) -> None:
    replica = replica_of("errors_mixed")
    again = sent_again(replica, 0)
    again["body"] = {**again["body"], "model": "other"}
    found = {difference.where for difference in replica.findings().differences}
    assert {"requests.second_try.after_a_break", "requests.second_try.body.model"} <= found


def close_last_record(replica: Replica) -> None:
    """Makes the last record one that was cancelled, in AIPerf's form."""

    def change(records: list[Any]) -> None:
        record = records[-1]
        record["metadata"] |= {"was_cancelled": True, "cancellation_time_ns": record["metadata"]["request_end_ns"]}
        record["metrics"] = {"error_isl": record["metrics"]["input_sequence_length"]}
        record["error"] = {"code": 499, "type": "RequestCancellationError", "message": "Request cancelled 0.100s"}

    replica.edit_records(change)


def test_a_request_that_was_closed_at_the_end_is_noted_once_and_its_form_checked(
    replica_of: Callable[[str], Replica],
) -> None:
    replica = replica_of("duration_grace")
    close_last_record(replica)
    found = {difference.where for difference in replica.findings().differences}
    assert [where for where in found if where.startswith("records.")] == ["records.cancelled"]
    replica.edit_records(lambda records: records[-1]["error"].update(code=500))
    found = {difference.where for difference in replica.findings().differences}
    assert {"records.cancelled", "records.cancelled.error.code"} <= found


def test_panels_count_on_either_stream(replica_of: Callable[[str], Replica]) -> None:
    replica = replica_of("sigint_once")
    assert replica.console is not None
    replica.console = replica.console.replace("[panel: Cancellation in Progress]\n", "")
    outcome, findings = replica.outcome(), Findings()
    outcome.stderr = "something\n╭─ Cancellation in Progress ─╮\n│ x │\n╰───╯\n"
    compare_all(Context(replica.case, outcome, findings, COUNTER, 1, **RECORDED_TIMES))
    assert findings.differences == []


def test_a_stamp_at_the_wrong_event_is_noticed_in_spite_of_tolerances(replica_of: Callable[[str], Replica]) -> None:
    replica = replica_of("completions_nonstream")
    late = min(
        record["metrics"]["request_latency"]["value"]
        - replica.case.golden.request_of[record["metadata"]["x_request_id"]]["sent_ms"][-1]
        for record in replica.case.golden.records
    )
    assert not [d for d in replica.findings(best_time_ms=abs(late) + 1).differences if d.where.endswith(".best")]
    shift_all("request_latency", 15.0)(replica)
    found = {difference.where for difference in replica.findings(best_time_ms=abs(late) + 1).differences}
    assert "records.metrics.request_latency.best" in found


def test_a_time_beyond_the_tolerance_is_noticed(replica_of: Callable[[str], Replica]) -> None:
    replica = replica_of("chat_nonstream")
    change_metric("request_latency", lambda value: value + 1000)(replica)
    found = {difference.where for difference in replica.findings().differences}
    assert "records.metrics.request_latency.time" in found


# ---- what may differ


def policy_of(**sections: Any) -> str:
    """Text of an exceptions file."""
    return json.dumps({"differences": [], "not_yet": [], **sections})


def judge(replica: Replica, policy: Policy) -> Judgement:
    """The judgement on a replica."""
    return Judge(policy, COUNTER, RECORDED_TIMES)(replica.case, Replayed(replica.outcome()), 1)


def verdict_words(replica: Replica, policy: Policy) -> tuple[str, list[str]]:
    """The verdict on a replica, and the places that failed."""
    judgement = judge(replica, policy)
    return judgement.word, [difference.where for difference in judgement.verdict.failed]


def test_the_exceptions_of_the_project_can_be_read_and_name_no_case() -> None:
    Policy.load()
    text = DEFAULT_FILE.read_text(encoding="utf-8")
    assert [name for name in NAMES if name in text] == []


def test_a_meant_difference_passes_only_with_the_values_it_names(
    replica_of: Callable[[str], Replica],
) -> None:
    replica = replica_of("chat_nonstream")
    change_header_value("User-Agent", "aiperf-cpp/0.1.0")(replica)
    assert verdict_words(replica, Policy.load()) == ("passed", [])
    change_header_value("User-Agent", "curl/8")(replica)
    assert verdict_words(replica, Policy.load()) == ("failed", ["requests.headers.User-Agent"])


def test_a_missing_metric_is_not_yet_but_a_wrong_one_fails(
    replica_of: Callable[[str], Replica], tmp_path: Path
) -> None:
    path = tmp_path / "exceptions.json"
    path.write_text(policy_of(not_yet=[{"metric": "usage_total_*", "reason": "later"}]), encoding="utf-8")
    policy = Policy.load(path)
    replica = replica_of("chat_nonstream")
    change_record(lambda record: record["metrics"].pop("usage_total_tokens"))(replica)
    judgement = judge(replica, policy)
    assert judgement.verdict.not_yet
    assert any(line.strip() == "not yet: usage_total_* (1)" for line in judgement.lines())
    assert any("usage_total_tokens: later" in line for line in summary_lines([judgement], policy))
    wrong = Replica(replica.case, tmp_path / "wrong")
    change_metric("usage_total_tokens", lambda value: value + 1)(wrong)
    assert verdict_words(wrong, policy)[0] == "failed"


def test_a_refused_case_is_not_yet_and_never_passed() -> None:
    case = Case(CASES / "chat_nonstream")
    outcome = Outcome(2, case.directory / "nowhere", (), [], stderr="--x is not supported yet\n")
    judgement = Judge(Policy.load(), COUNTER)(case, Replayed(outcome, refused="--x is not supported yet"), 1)
    assert judgement.word == "not yet"
    assert summary_lines([judgement], Policy.load())[-1].startswith("parity: 0 passed, 0 failed, 1 not yet")


@pytest.mark.parametrize(
    "entry",
    [
        {"field": "exit_code.done"},
        {"field": "exit_code.done", "reason": " "},
        {"reason": "no place"},
        {"field": "x", "reason": "y", "case": "chat_nonstream"},
    ],
)
def test_an_exception_without_place_or_reason_is_refused(entry: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "exceptions.json"
    path.write_text(policy_of(differences=[entry]), encoding="utf-8")
    with pytest.raises(ValueError, match=r"exceptions\.json"):
        Policy.load(path)


def test_the_name_of_a_case_decides_nothing(tmp_path: Path) -> None:
    for name in NAMES:
        renamed = tmp_path / "a" / f"zz{len(name)}{name[::-1]}"
        shutil.copytree(CASES / name, renamed)
        spec = json.loads((renamed / "case.json").read_text(encoding="utf-8"))
        spec["name"] = spec["about"] = "something else"
        (renamed / "case.json").write_text(json.dumps(spec), encoding="utf-8")
        original = Replica(Case(CASES / name), tmp_path / f"{name}-1")
        other = Replica(Case(renamed), tmp_path / f"{name}-2")
        for replica in (original, other):
            change_header("Accept", None)(replica)
        assert original.findings() == other.findings()


# ---- parts


def test_statistics_are_those_of_numpy() -> None:
    numpy = pytest.importorskip("numpy")
    values = [3.25, 1.5, 9.75, 4.0, 4.0, 0.125, 7.5]
    ours = describe(values)
    assert ours["std"] == pytest.approx(float(numpy.std(values)), rel=1e-13)
    for q in (1, 5, 10, 25, 50, 75, 90, 95, 99):
        assert ours[f"p{q}"] == pytest.approx(float(numpy.percentile(values, q)), rel=1e-13)
    assert list(ours)[:3] == ["avg", "p1", "p5"]


def test_equality_knows_types_and_order() -> None:
    assert same({"a": [1, 2.0]}, {"a": [1, 2.0]})
    assert not same(1, 1.0)
    assert not same(True, 1)
    assert not same({"a": 1, "b": 2}, {"b": 2, "a": 1})


def test_a_log_is_brought_into_the_form_of_the_recordings() -> None:
    first, second = "0a000000-0000-4000-8000-000000000001", "0b000000-0000-4000-8000-000000000002"
    headers = [["Host", "127.0.0.1:99"], ["X-Request-ID", first], ["X-Correlation-ID", second]]
    request = {"headers": headers, "body": '{"a":1}'}
    (result,) = normalise_requests([request], "127.0.0.1:99")
    assert result["headers"] == [
        ["Host", "{HOST}"],
        ["X-Request-ID", "{REQUEST_ID}"],
        ["X-Correlation-ID", "{SESSION:0}"],
    ]
    assert (result["x_request_id"], result["session"], result["body"]) == (first, second, {"a": 1})


def test_the_number_of_workers_is_set_once() -> None:
    args = ["profile", "--workers-max", "2", "-m", "m", "--max-workers", "3"]
    assert without_flag(args, "--workers-max", "--max-workers") == ["profile", "-m", "m"]


def test_the_workers_set_by_the_harness_are_no_difference(replica_of: Callable[[str], Replica]) -> None:
    replica = replica_of("chat_nonstream")

    def add(summary: Any) -> None:
        summary["input_config"]["runtime"]["workers"] = 3
        summary["run_info"]["cli_command"] += " --workers-max 3"

    replica.edit_json(SUMMARY, add)
    found = {difference.where for difference in replica.findings().differences}
    assert found == {"json.input_config.runtime.workers", "json.run_info.cli_command"}
    replica.extra_args = ("--workers-max", "3")
    assert replica.findings().differences == []


def test_a_table_drawn_for_a_terminal_is_read_through_colours_and_wrapped_labels() -> None:
    text = (
        "   \x1b[3mTitle\x1b[0m\n┏━━━━━━┳━━━━━━┓\n┃ Metric ┃ avg ┃\n┡━━━━━━╇━━━━━━┩\n│ Long \x1b[32mname │ 1.00 │\n"
        "│ (ms) │      │\n└──────┴──────┘\n╭─── A panel ───╮\n"
    )
    console = parse_console(text)
    assert console.tables["Title"].columns == ["Metric", "avg"]
    assert console.tables["Title"].rows == {"Long name (ms)": ["1.00"]}
    assert console.panels == ["A panel"]


def test_waiting_says_what_did_not_come() -> None:
    with pytest.raises(TimeoutError, match="no answer"):
        wait_until(lambda: False, 0.01, "answer")


def test_the_recorded_files_are_listed_without_folders() -> None:
    assert SUMMARY in list_files(CASES / "chat_nonstream" / "artifacts")
