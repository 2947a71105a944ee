"""A recorded run that can be changed, and the changes that every comparison of the harness must notice."""

from __future__ import annotations

import copy
import json
import re
import shutil
from typing import TYPE_CHECKING, Any

from aiperf_parity.case import Case, load_cases
from aiperf_parity.compare import Context, compare_all
from aiperf_parity.findings import Findings
from aiperf_parity.outcome import MANIFEST, PHASES, Outcome
from aiperf_parity.tokens import load_counter
from command_support import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CASES = ROOT / "tests" / "golden" / "cases"
COUNTER = load_counter(ROOT / "tests" / "golden" / "tokenizer")
NAMES = [case.name for case in load_cases(CASES)]
# AIPerf and the server that recorded it shared two cores: its times are late, which is not what is tested here
RECORDED_TIMES = {"time_tolerance_ms": 300.0, "best_time_ms": 100.0}
RECORDS = "profile_export.jsonl"
SUMMARY = "profile_export_aiperf.json"
TABLE = "profile_export_aiperf.csv"


class Replica:
    """A copy of what a recorded run left, free to be changed."""

    def __init__(self, case: Case, folder: Path) -> None:
        self.case = case
        self.folder = folder / "artifacts"
        shutil.copytree(case.directory / "artifacts", self.folder)
        self.exit_code: int | None = case.golden.exit_code
        self.hung = False
        self.files = list(case.golden.files)
        self.requests = copy.deepcopy(case.golden.requests)
        self.console = case.golden.console
        self.workers = 1
        self.extra_args: tuple[str, ...] = ()

    def outcome(self) -> Outcome:
        """What the harness is given."""
        return Outcome(
            self.exit_code,
            self.folder,
            tuple(self.files),
            self.requests,
            self.console,
            hung=self.hung,
            extra_args=self.extra_args,
        )

    def edit_json(self, name: str, change: Callable[[Any], Any]) -> None:
        """Rewrites a JSON file; `change` edits in place or returns a new value."""
        value = json.loads((self.folder / name).read_text(encoding="utf-8"))
        changed = change(value)
        text = json.dumps(value if changed is None else changed, indent=2, ensure_ascii=False)
        (self.folder / name).write_text(text, encoding="utf-8")

    def edit_records(self, change: Callable[[list[Any]], Any]) -> None:
        """Rewrites profile_export.jsonl."""
        path = self.folder / RECORDS
        records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        changed = change(records)
        lines = [json.dumps(record) for record in (records if changed is None else changed)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def edit_text(self, name: str, change: Callable[[str], str]) -> None:
        """Rewrites a file as text, bytes kept."""
        path = self.folder / name
        path.write_bytes(change(path.read_bytes().decode()).encode())

    def findings(self, **tolerances: float) -> Findings:
        """All that differs from the recording."""
        findings = Findings()
        settings = RECORDED_TIMES | tolerances
        compare_all(Context(self.case, self.outcome(), findings, COUNTER, self.workers, **settings))
        return findings


# ---- what is changed, and where it must be noticed


def change_header(name: str, value: str | None) -> Callable[[Replica], None]:
    def change(replica: Replica) -> None:
        for request in replica.requests:
            kept = [entry for entry in request["headers"] if entry[0] != name]
            request["headers"] = kept if value is None else [*kept, [name, value]]

    return change


def change_header_value(name: str, value: str) -> Callable[[Replica], None]:
    def change(replica: Replica) -> None:
        for entry in replica.requests[1]["headers"]:
            if entry[0] == name:
                entry[1] = value

    return change


def _header_order(replica: Replica) -> None:
    headers = replica.requests[0]["headers"]
    headers[1], headers[2] = headers[2], headers[1]


def _request(**values: Any) -> Callable[[Replica], None]:
    return lambda replica: replica.requests[1].update(values)


def _body(change: Callable[[Any], Any]) -> Callable[[Replica], None]:
    """Changes the body of one request, its length kept in step."""

    def apply(replica: Replica) -> None:
        request = replica.requests[1]
        changed = change(request["body"])
        request["body"] = request["body"] if changed is None else changed
        text = json.dumps(request["body"], ensure_ascii=False, separators=(",", ":"))
        request["body_bytes"] = len(text.encode())
        for entry in request["headers"]:
            if entry[0] == "Content-Length":
                entry[1] = str(request["body_bytes"])

    return apply


def _longer_prompt(body: Any) -> None:
    body["messages"][0]["content"] += " and more"


def _swap_bodies(replica: Replica) -> None:
    first, second = replica.requests[0], replica.requests[1]
    for key in ("body", "body_bytes"):
        first[key], second[key] = second[key], first[key]
    # the second text now comes first, but the third request still repeats as it did
    replica.requests[1]["body"] = copy.deepcopy(replica.requests[0]["body"])
    replica.requests[1]["body_bytes"] = replica.requests[0]["body_bytes"]


def _same_session(replica: Replica) -> None:
    for entry in replica.requests[1]["headers"]:
        entry[1] = entry[1].replace("{SESSION:1}", "{SESSION:0}")


def _two_sessions_in_one(replica: Replica) -> None:
    for entry in replica.requests[0]["headers"]:
        if entry[0] == "X-Session-Affinity":
            entry[1] = "{SESSION:1}"


def _overlap(replica: Replica) -> None:
    replica.requests[2]["t_ms"] = replica.requests[1]["t_ms"] + 0.6


def _many_at_once(replica: Replica) -> None:
    for request in replica.requests:
        request["t_ms"] = 0.0


def _evenly(replica: Replica) -> None:
    for index, request in enumerate(replica.requests):
        request["t_ms"] = 50.0 * index


def _half_rate(replica: Replica) -> None:
    for request in replica.requests:
        request["t_ms"] *= 3


def _one_late(replica: Replica) -> None:
    replica.requests[7]["t_ms"] += 320.0


def _line_per_request(replica: Replica) -> None:
    for index, request in enumerate(replica.requests):
        request["conn"] = index + 1


def _other_url(replica: Replica) -> None:
    """The last request goes where the sessions before it went; as many requests as before go to each URL."""
    first, last = replica.requests[1], replica.requests[-1]
    first["target"], last["target"] = last["target"], first["target"]


def _turn_of(body: Any) -> None:
    """What the assistant has said is told as something else."""
    body["messages"][1]["content"] = "Something else."


REQUEST_CHANGES = {
    "a header is missing": ("chat_nonstream", change_header("Accept", None), "requests.headers.Accept"),
    "a header too many": ("chat_nonstream", change_header("Cookie", "a=b"), "requests.headers.Cookie"),
    "a header has another value": ("chat_nonstream", change_header_value("Accept", "*/*"), "requests.headers.Accept"),
    "headers in another order": ("chat_nonstream", _header_order, "requests.headers.order"),
    "a header of concurrent requests is missing": (
        "chat_stream_usage",
        change_header("Accept", None),
        "requests.headers.Accept",
    ),
    "a wrong content length": (
        "chat_nonstream",
        change_header_value("Content-Length", "7"),
        "requests.headers.Content-Length.value",
    ),
    "a request too few": ("chat_nonstream", lambda replica: replica.requests.pop(), "requests.count"),
    "another path": ("extra_inputs_headers", _request(target="/v1/chat/completions"), "requests.target"),
    "another method": ("chat_nonstream", _request(method="PUT"), "requests.target"),
    "a request id that is no UUID": ("chat_nonstream", _request(x_request_id="17"), "requests.request_id"),
    "a body member is missing": (
        "chat_stream_no_usage",
        _body(lambda body: body.pop("stream_options") and None),
        "requests.body.stream_options",
    ),
    "a body member too many": ("chat_nonstream", _body(lambda body: body.update(n=1)), "requests.body.n"),
    "a body member of another type": (
        "chat_nonstream",
        _body(lambda body: body.update(stream="false")),
        "requests.body.stream",
    ),
    "body members in another order": (
        "chat_nonstream",
        _body(lambda body: dict(reversed(body.items()))),
        "requests.body.order",
    ),
    "another asked length": (
        "chat_nonstream",
        _body(lambda body: body.update(max_completion_tokens=15)),
        "requests.body.max_completion_tokens",
    ),
    "a prompt of another length": ("chat_nonstream", _body(_longer_prompt), "requests.body.messages[].content"),
    "a prompt of another length among concurrent ones": (
        "rate_constant",
        _body(_longer_prompt),
        "requests.body.messages[].content",
    ),
    "a prompt repeated too early": ("errors_all", _swap_bodies, "requests.body.messages[].content"),
    "a prompt repeated too often": ("rate_poisson", _swap_bodies, "requests.body.messages[].content"),
    "a body with spaces": ("chat_nonstream", _request(body_bytes=171), "requests.body_bytes"),
    "two requests in one session": ("chat_nonstream", _same_session, "requests.sessions.uses"),
    "two sessions in one request": ("chat_nonstream", _two_sessions_in_one, "requests.sessions.consistent"),
    "a turn to another URL than its session": ("multi_url", _other_url, "requests.sessions.targets"),
    "a turn without its history": (
        "multi_url",
        _body(lambda body: body.update(messages=body["messages"][-1:])),
        "requests.body.messages",
    ),
    "a turn with another answer in its history": (
        "multi_url",
        _body(_turn_of),
        "requests.body.messages[].content",
    ),
    "a connection per turn where a session has its own": (
        "sticky_sessions",
        _line_per_request,
        "requests.sessions.connections",
    ),
    "a connection for all where a session has its own": (
        "sticky_sessions",
        lambda replica: [request.update(conn=1) for request in replica.requests] and None,
        "requests.sessions.connections",
    ),
    "a session more than at a time": ("sticky_sessions", _many_at_once, "requests.in_flight"),
    "two at once where one at a time is asked": ("chat_nonstream", _overlap, "requests.one_at_a_time"),
    "more at once than allowed": ("chat_stream_usage", _many_at_once, "requests.in_flight"),
    "a connection per request": ("chat_nonstream", _line_per_request, "requests.connections"),
    "the client hangs up": ("chat_nonstream", _request(client_closed_ms=3.0), "requests.client_closed"),
    "constant arrivals with one late": ("rate_constant", _one_late, "requests.arrivals.grid"),
    "random arrivals that are even": ("rate_poisson", _evenly, "requests.arrivals.spread"),
    "random arrivals at a third of the rate": ("rate_poisson", _half_rate, "requests.arrivals.mean"),
}


def _metadata(**values: Any) -> Callable[[Replica], None]:
    return lambda replica: replica.edit_records(lambda records: records[1]["metadata"].update(values))


def change_record(change: Callable[[Any], Any]) -> Callable[[Replica], None]:
    def edit(records: list[Any]) -> None:
        change(records[1])

    return lambda replica: replica.edit_records(edit)


def change_metric(tag: str, change: Callable[[Any], Any]) -> Callable[[Replica], None]:
    def edit(record: Any) -> None:
        record["metrics"][tag]["value"] = change(record["metrics"][tag]["value"])

    return change_record(edit)


def shift_all(tag: str, milliseconds: float) -> Callable[[Replica], None]:
    def edit(records: list[Any]) -> None:
        for record in records:
            record["metrics"][tag]["value"] += milliseconds

    return lambda replica: replica.edit_records(edit)


def _error(**values: Any) -> Callable[[Replica], None]:
    return change_record(lambda record: record["error"].update(values))


def _swap(key: str, first: int, second: int) -> Callable[[Replica], None]:
    """Exchanges a member of two records' metadata."""

    def edit(records: list[Any]) -> None:
        one, other = records[first]["metadata"], records[second]["metadata"]
        one[key], other[key] = other[key], one[key]

    return lambda replica: replica.edit_records(edit)


def _turns_swapped(replica: Replica) -> None:
    """The numbers of two turns of one session, in a run of interleaved ones, are exchanged."""

    def edit(records: list[Any]) -> None:
        session = records[0]["metadata"]["x_correlation_id"]
        one, other = [r["metadata"] for r in records if r["metadata"]["x_correlation_id"] == session][:2]
        one["session_num"], other["session_num"] = other["session_num"], one["session_num"]

    replica.edit_records(edit)


RECORD_CHANGES = {
    "a prompt with history counted wrong": (
        "multi_url",
        change_metric("input_sequence_length", lambda value: value + 1),
        "records.metrics.input_sequence_length",
    ),
    "a prompt without history counted wrong": (
        "sticky_sessions",
        change_metric("input_sequence_length", lambda value: value + 1),
        "records.metrics.input_sequence_length",
    ),
    "turns in another order": ("multi_url", _swap("turn_index", 0, 1), "records.keys"),
    "turns of interleaved sessions in another order": (
        "sticky_sessions",
        _turns_swapped,
        "records.session.turns",
    ),
    "a turn before the answer to the one before": (
        "sticky_sessions",
        lambda r: r.edit_records(lambda rows: rows[2]["metadata"].update(request_start_ns=10**18 + 2)),
        "records.session.waits",
    ),
    "a number that no request has": ("sticky_sessions", _metadata(session_num=77), "records.numbers"),
    "a turn of another conversation": (
        "sticky_sessions",
        _metadata(conversation_id="session_000000"),
        "records.keys",
    ),
    "a member is missing": (
        "chat_nonstream",
        change_record(lambda record: record["metadata"].pop("turn_index")),
        "records.metadata.turn_index",
    ),
    "a member too many": ("chat_nonstream", _metadata(colour="red"), "records.metadata.colour"),
    "members in another order": (
        "chat_nonstream",
        change_record(lambda record: record.update(metadata=dict(reversed(record["metadata"].items())))),
        "records.metadata.order",
    ),
    "a top member too many": (
        "chat_nonstream",
        change_record(lambda record: record.update(extra=1)),
        "records.members",
    ),
    "another conversation": (
        "chat_nonstream",
        _metadata(conversation_id="session_000005"),
        "records.metadata.conversation_id",
    ),
    "another session number": ("chat_nonstream", _metadata(session_num=77), "records.keys"),
    "another phase": ("chat_nonstream", _metadata(phase_kind="warmup"), "records.metadata.phase_kind"),
    "cancelled though it was not": ("chat_nonstream", _metadata(was_cancelled=True), "records.metadata.was_cancelled"),
    "a stamp that is no integer": (
        "chat_nonstream",
        _metadata(request_ack_ns=1.5e18),
        "records.metadata.request_ack_ns",
    ),
    "stamps out of order": ("chat_nonstream", _metadata(request_ack_ns=10**18 + 1), "records.metadata.stamps_in_order"),
    "a root of another session": (
        "chat_nonstream",
        _metadata(root_correlation_id="00000000-0000-4000-8000-000000000000"),
        "records.metadata.root_correlation_id",
    ),
    "a worker without a name": ("chat_nonstream", _metadata(worker_id=""), "records.metadata.worker_id"),
    "a line twice": ("chat_nonstream", lambda r: r.edit_records(lambda rows: [*rows, rows[0]]), "records.distinct"),
    "a line too few": ("chat_nonstream", lambda r: r.edit_records(lambda rows: rows[:-1]), "records.keys"),
    "lines in another order": (
        "chat_nonstream",
        lambda r: r.edit_records(lambda rows: rows[::-1]),
        "records.line_order",
    ),
    "a metric is missing": (
        "completions_stream",
        change_record(lambda record: record["metrics"].pop("time_to_first_token")),
        "records.metrics.time_to_first_token",
    ),
    "a rate is missing": (
        "completions_stream",
        change_record(lambda record: record["metrics"].pop("output_token_throughput_per_user")),
        "records.metrics.output_token_throughput_per_user",
    ),
    "a rate over no time": (
        "completions_stream",
        change_metric("inter_token_latency", lambda _: 0.0),
        "records.metrics.output_token_throughput_per_user",
    ),
    "a metric too many": (
        "chat_nonstream",
        change_record(lambda record: record["metrics"].update(time_to_first_token={"value": 1.0, "unit": "ms"})),
        "records.metrics.time_to_first_token",
    ),
    "another unit": (
        "chat_nonstream",
        change_record(lambda record: record["metrics"]["request_latency"].update(unit="s")),
        "records.metrics.request_latency.unit",
    ),
    "a count written as a float": (
        "chat_nonstream",
        change_metric("output_sequence_length", float),
        "records.metrics.output_sequence_length.type",
    ),
    "an output count off by one": (
        "chat_stream_usage",
        change_metric("output_token_count", lambda value: value + 1),
        "records.metrics.output_token_count",
    ),
    "an input count off by one": (
        "chat_nonstream",
        change_metric("input_sequence_length", lambda value: value + 1),
        "records.metrics.input_sequence_length",
    ),
    "an input count of the server off by one": (
        "server_token_count",
        change_metric("input_sequence_length", lambda value: value + 1),
        "records.metrics.input_sequence_length",
    ),
    "an input count of a random prompt off by one": (
        "chat_stream_usage",
        change_metric("input_sequence_length", lambda value: value + 1),
        "records.metrics.input_sequence_length",
    ),
    "a usage off by one": (
        "chat_nonstream",
        change_metric("usage_total_tokens", lambda value: value - 1),
        "records.metrics.usage_total_tokens",
    ),
    "output that is not the sum of its parts": (
        "server_token_count",
        change_metric("output_sequence_length", lambda value: value + 1),
        "records.metrics.output_sequence_length.formula",
    ),
    "a float off by a billionth": (
        "completions_stream",
        change_metric("inter_token_latency", lambda value: value * (1 + 1e-9)),
        "records.metrics.inter_token_latency.formula",
    ),
    "a rate off by a billionth": (
        "completions_nonstream",
        change_metric("e2e_output_token_throughput", lambda value: value * (1 - 1e-9)),
        "records.metrics.e2e_output_token_throughput.formula",
    ),
    "a gap too many": (
        "completions_stream",
        change_metric("inter_chunk_latency", lambda value: [*value, 0.0]),
        "records.metrics.inter_chunk_latency.length",
    ),
    "gaps that do not add up": (
        "completions_stream",
        change_metric("inter_chunk_latency", lambda value: [value[0] + 0.001, *value[1:]]),
        "records.metrics.inter_chunk_latency.formula",
    ),
    "a latency beyond the end": (
        "chat_nonstream",
        change_metric("request_latency", lambda value: value * 2),
        "records.metrics.request_latency.formula",
    ),
    "an error of another type": ("errors_all", _error(type="ServerError"), "records.error.type"),
    "an error of another code": ("errors_all", _error(code=502), "records.error.code"),
    "an error with another message": ("errors_all", _error(message="bang"), "records.error.message"),
    "an error with a member too many": ("errors_all", _error(hint="wait"), "records.error.hint"),
    "an error without its code": (
        "errors_all",
        change_record(lambda record: record["error"].pop("code")),
        "records.error.code",
    ),
    "an error that is none": ("errors_all", change_record(lambda record: record.pop("error")), "records.members"),
}


def _summary(change: Callable[[Any], Any]) -> Callable[[Replica], None]:
    return lambda replica: replica.edit_json(SUMMARY, change)


def _statistic(tag: str, name: str, factor: float) -> Callable[[Replica], None]:
    return _summary(lambda summary: summary[tag].update({name: summary[tag][name] * factor}))


def _reordered(summary: dict[str, Any]) -> dict[str, Any]:
    names = list(summary)
    names[3], names[4] = names[4], names[3]
    return {name: summary[name] for name in names}


def _metric_first(summary: dict[str, Any]) -> dict[str, Any]:
    return {"request_error_rate": summary["request_error_rate"], **summary}


SUMMARY_CHANGES = {
    "a metric is missing": (
        "chat_nonstream",
        _summary(lambda summary: summary.pop("request_latency") and None),
        "json.request_latency",
    ),
    "a metric too many": (
        "chat_nonstream",
        _summary(lambda summary: summary.update(goodput={"unit": "requests/sec", "avg": 1.0})),
        "json.goodput",
    ),
    "members in another order": ("chat_nonstream", _summary(_reordered), "json.order"),
    "a late member in front": ("chat_nonstream", _summary(_metric_first), "json.order.rest"),
    "another unit": (
        "chat_nonstream",
        _summary(lambda summary: summary["request_latency"].update(unit="sec")),
        "json.request_latency.unit",
    ),
    "a statistic is missing": (
        "chat_nonstream",
        _summary(lambda summary: summary["request_latency"].pop("p95") and None),
        "json.request_latency.members",
    ),
    "statistics in another order": (
        "chat_nonstream",
        _summary(lambda summary: summary.update(request_latency=dict(reversed(summary["request_latency"].items())))),
        "json.request_latency.members",
    ),
    "a mean off by a billionth": (
        "chat_stream_usage",
        _statistic("time_to_first_token", "avg", 1 + 1e-9),
        "json.time_to_first_token.avg.recomputed",
    ),
    "a percentile off by a billionth": (
        "rate_poisson",
        _statistic("request_latency", "p99", 1 - 1e-9),
        "json.request_latency.p99.recomputed",
    ),
    "a deviation of the sample": (
        "chat_nonstream",
        _statistic("request_latency", "std", (6 / 5) ** 0.5),
        "json.request_latency.std.recomputed",
    ),
    "a sum off by a billionth": (
        "completions_stream",
        _statistic("inter_chunk_latency", "sum", 1 + 1e-9),
        "json.inter_chunk_latency.sum.recomputed",
    ),
    "a count off by one": (
        "chat_nonstream",
        _summary(lambda summary: summary["request_latency"].update(count=7)),
        "json.request_latency.count",
    ),
    "a count written as a float": (
        "chat_nonstream",
        _summary(lambda summary: summary["request_latency"].update(count=6.0)),
        "json.request_latency.count.type",
    ),
    "a number written as an integer": (
        "chat_nonstream",
        _summary(lambda summary: summary["request_count"].update(avg=6)),
        "json.request_count.avg.type",
    ),
    "a request too many": ("chat_nonstream", _statistic("request_count", "avg", 7 / 6), "json.request_count.avg"),
    "a total off by one": ("chat_nonstream", _statistic("total_osl", "avg", 1.01), "json.total_osl.avg"),
    "a throughput off by a billionth": (
        "chat_nonstream",
        _statistic("output_token_throughput", "avg", 1 + 1e-9),
        "json.output_token_throughput.avg.recomputed",
    ),
    "a request throughput of another span": (
        "chat_nonstream",
        _statistic("request_throughput", "avg", 1.001),
        "json.request_throughput.avg.recomputed",
    ),
    "a duration off by a millisecond": (
        "chat_nonstream",
        _summary(lambda summary: summary["benchmark_duration"].update(avg=summary["benchmark_duration"]["avg"] + 1e-3)),
        "json.benchmark_duration.avg.recomputed",
    ),
    "a wait for the start off by a microsecond": (
        "chat_nonstream",
        _summary(lambda summary: summary["credit_to_start_latency"].update(p50=9.5)),
        "json.credit_to_start_latency.p50.recomputed",
    ),
    "another schema": (
        "chat_nonstream",
        _summary(lambda summary: summary.update(schema_version="1.5")),
        "json.schema_version",
    ),
    "cancelled though it was not": (
        "chat_nonstream",
        _summary(lambda summary: summary.update(was_cancelled=True)),
        "json.was_cancelled",
    ),
    "an error that did not happen": (
        "chat_nonstream",
        _summary(lambda s: s.update(error_summary=[{"error_details": {"type": "X", "message": "y"}, "count": 1}])),
        "json.error_summary",
    ),
    "another configuration": (
        "chat_nonstream",
        _summary(lambda summary: summary["input_config"]["datasets"][0].update(entries=7)),
        "json.input_config.datasets[].entries",
    ),
    "another seed": (
        "chat_nonstream",
        _summary(lambda summary: summary["run_info"].update(random_seed=43)),
        "json.run_info.random_seed",
    ),
    "two benchmark ids": (
        "chat_nonstream",
        _summary(lambda summary: summary.update(benchmark_id="0123456789ab")),
        "json.run_info.benchmark_id",
    ),
    "an id of another form": (
        "chat_nonstream",
        _summary(lambda summary: summary.update(benchmark_id="run 1")),
        "json.benchmark_id",
    ),
    "a time of another form": (
        "chat_nonstream",
        _summary(lambda summary: summary.update(start_time="2026-11-24 20:00:00")),
        "json.start_time",
    ),
    "an end before the start": (
        "chat_nonstream",
        _summary(lambda summary: summary.update(start_time="2999-01-01T00:00:00.000001")),
        "json.end_time.order",
    ),
    "no indentation": (
        "chat_nonstream",
        lambda replica: replica.edit_text(SUMMARY, lambda text: json.dumps(json.loads(text))),
        "json.format",
    ),
}


def _inputs(change: Callable[[Any], Any]) -> Callable[[Replica], None]:
    return lambda replica: replica.edit_json("inputs.json", change)


def _json(name: str, change: Callable[[Any], Any]) -> Callable[[Replica], None]:
    """Edits a JSON file in place, whatever `change` returns."""

    def edit(value: Any) -> None:
        change(value)

    return lambda replica: replica.edit_json(name, edit)


def _first_payload(change: Callable[[Any], Any]) -> Callable[[Replica], None]:
    def edit(inputs: Any) -> None:
        change(inputs["data"][0]["payloads"][0])

    return _inputs(edit)


def _table(pattern: str, replacement: str) -> Callable[[Replica], None]:
    def edit(text: str) -> str:
        changed = re.sub(pattern, replacement, text, count=1)
        assert changed != text
        return changed

    return lambda replica: replica.edit_text(TABLE, edit)


def _console(pattern: str, replacement: str, count: int = 1) -> Callable[[Replica], None]:
    def edit(replica: Replica) -> None:
        assert replica.console is not None
        changed = re.sub(pattern, replacement, replica.console, count=count, flags=re.MULTILINE)
        assert changed != replica.console
        replica.console = changed

    return edit


def _without(name: str) -> Callable[[Replica], None]:
    def edit(replica: Replica) -> None:
        (replica.folder / name).unlink()
        replica.files.remove(name)

    return edit


def _set(**values: Any) -> Callable[[Replica], None]:
    return lambda replica: replica.__dict__.update(values)


MAIN_TABLE = "LLM Metrics"
FILE_CHANGES = {
    "another exit code": ("chat_nonstream", _set(exit_code=1), "exit_code.done"),
    "another exit code where all failed": ("errors_all", _set(exit_code=0), "exit_code.all_failed"),
    "a program that hung": ("chat_nonstream", _set(hung=True), "hang"),
    "a summary is missing": ("chat_nonstream", _without(SUMMARY), f"artifacts.{SUMMARY}"),
    "records are missing": ("errors_all", _without(RECORDS), f"artifacts.{RECORDS}"),
    "a table is missing": ("chat_nonstream", _without(TABLE), f"artifacts.{TABLE}"),
    "a file too many": ("chat_nonstream", lambda replica: replica.files.append("x.tmp"), "artifacts.x.tmp"),
    "a ready marker that says cancelled": (
        "chat_nonstream",
        lambda replica: replica.edit_json(".aiperf_results_ready.json", lambda value: value.update(was_cancelled=True)),
        "ready.was_cancelled",
    ),
    "an input session is missing": (
        "chat_nonstream",
        _inputs(lambda inputs: inputs["data"].pop() and None),
        "inputs.sessions.count",
    ),
    "an input session of another name": (
        "chat_nonstream",
        _inputs(lambda inputs: inputs["data"][0].update(session_id="s0")),
        "inputs.sessions.session_id",
    ),
    "a payload member too many": ("chat_nonstream", _first_payload(lambda p: p.update(n=1)), "inputs.payloads[].n"),
    "a payload of another length": (
        "chat_nonstream",
        _first_payload(_longer_prompt),
        "inputs.payloads[].messages[].content",
    ),
    "inputs without indentation": (
        "chat_nonstream",
        lambda replica: replica.edit_text("inputs.json", lambda text: json.dumps(json.loads(text))),
        "inputs.format",
    ),
    "a table with bare line feeds": ("chat_nonstream", _table(r"\r\n", "\n"), "csv.line_ends"),
    "a table without a row": ("chat_nonstream", _table(r"Request Latency[^\r]*\r\n", ""), "csv.rows"),
    "a table with three decimals": (
        "chat_nonstream",
        _table(r"(Request Latency \(ms\),\d+\.\d\d)", r"\g<1>0"),
        "csv.request_latency.values",
    ),
    "a table with another number": (
        "chat_nonstream",
        _table(r"Request Count,6", "Request Count,5"),
        "csv.request_count.values",
    ),
    "a table with another name": (
        "chat_nonstream",
        _table(r"Request Latency \(ms\)", "Request Latency"),
        "csv.request_latency.name",
    ),
    "a table with another head": ("chat_nonstream", _table("Metric,Value", "Metric,Number"), "csv.rows"),
    "a console table is missing": (
        "chat_nonstream",
        _console(r"^ +NVIDIA AIPerf \| LLM Metrics *$", "  Metrics"),
        f"console.tables.{MAIN_TABLE}",
    ),
    "a console that names another program": (
        "chat_nonstream",
        _console(r"NVIDIA AIPerf \|", "Somebody |"),
        "console.brand",
    ),
    "console columns in another order": (
        "chat_nonstream",
        _console(r"┃( +)avg ┃( +)min ┃", r"┃\g<1>min ┃\g<2>avg ┃", 0),
        f"console.{MAIN_TABLE}.columns",
    ),
    "a console row is missing": (
        "chat_nonstream",
        _console(r"^│ +Request Latency \(ms\).*\n", ""),
        f"console.{MAIN_TABLE}.rows.Request Latency (ms)",
    ),
    "a console number differs": (
        "chat_nonstream",
        _console(r"(Request Count \(requests\) │ +)6\.00", r"\g<1>5.00"),
        f"console.{MAIN_TABLE}.values",
    ),
    "a console number where there is none": (
        "chat_nonstream",
        _console(r"(Request Count \(requests\) │ +6\.00 │ +)N/A", r"\g<1>6.0"),
        f"console.{MAIN_TABLE}.cells",
    ),
    "a footer line is missing": ("chat_nonstream", _console(r"^CSV Export.*\n", ""), "console.footer.CSV Export"),
    "a footer that names another file": (
        "chat_nonstream",
        _console(r"^(CSV Export: ).*$", r"\g<1>elsewhere.csv"),
        "console.footer.CSV Export",
    ),
    "a footer with another duration": (
        "chat_nonstream",
        _console(r"^Benchmark Duration: .*$", "Benchmark Duration: 99.00 sec"),
        "console.footer.duration",
    ),
    "the warm-up's numbers left out": (
        "warmup",
        _json(SUMMARY, lambda summary: summary.pop("warmup_metrics")),
        "json.warmup_metrics",
    ),
    "a metric of the warm-up left out": (
        "warmup",
        _json(SUMMARY, lambda summary: summary["warmup_metrics"].pop("request_latency")),
        "json.warmup_metrics.request_latency",
    ),
    "a count of the warm-up wrong": (
        "warmup",
        _json(SUMMARY, lambda summary: summary["warmup_metrics"]["request_count"].update(avg=5.0)),
        "json.warmup_metrics.request_count.avg",
    ),
    "a phase's own summary with another count": (
        "warmup",
        _json(f"{PHASES}warmup/{SUMMARY}", lambda summary: summary["request_count"].update(avg=5.0)),
        f"{PHASES}warmup/{SUMMARY}.request_count.avg",
    ),
    "a phase's own summary that was cut short": (
        "warmup",
        _json(f"{PHASES}profiling/{SUMMARY}", lambda summary: summary.update(is_complete=False)),
        f"{PHASES}profiling/{SUMMARY}.is_complete",
    ),
    "the list of phases with another kind": (
        "warmup",
        _json(MANIFEST, lambda manifest: manifest["phases"][0].update(phase_kind="profiling")),
        "manifest.phases[].phase_kind",
    ),
    "the list of phases with an end before its start": (
        "warmup",
        _json(MANIFEST, lambda manifest: manifest["phases"][1].update(end_ns=1)),
        "manifest.phases[].start_ns",
    ),
    "a panel too many": ("completions_stream", _set(console="[panel: Oops]\n"), "console.panels.Oops"),
}

CHANGES = {
    f"{part}: {what}": change
    for part, changes in (
        ("requests", REQUEST_CHANGES),
        ("records", RECORD_CHANGES),
        ("summary", SUMMARY_CHANGES),
        ("files", FILE_CHANGES),
    )
    for what, change in changes.items()
}
