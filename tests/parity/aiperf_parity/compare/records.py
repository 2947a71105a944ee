"""profile_export.jsonl: one line per request."""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from ..findings import same
from .formulas import check_record_formulas
from .requests import UUID, resampled
from .timing import check_record_times

if TYPE_CHECKING:
    from .context import Context

Record = dict[str, Any]
Key = tuple[Any, ...]
SAME_FOR_ALL = ("benchmark_phase", "phase_index", "profiling_index", "phase_name", "phase_kind", "agent_depth")
IDENTIFIERS = ("x_request_id", "x_correlation_id", "root_correlation_id", "parent_correlation_id")
SERVICES = ("worker_id", "record_processor_id")
INPUT_COUNTS = ("input_sequence_length", "error_isl")
# a rate that does not exist where the time it divides by is 0, which a late reader makes of events read together
ABSENT_AT_ZERO = {"output_token_throughput_per_user": "inter_token_latency"}


def compare_records(context: Context) -> None:
    """All comparisons of this module, and of every line by itself."""
    golden, ours = context.golden.records, context.ours.records
    if not context.ours.has_file("profile_export.jsonl"):
        return
    if not context.golden.has_file("profile_export.jsonl"):
        context.findings.skip("profile_export.jsonl against golden (golden has none): own consistency only")
        _each_by_itself(context, ours)
        return
    by_key, our_by_key = _index(context, "golden", golden), _index(context, "ours", ours)
    if not context.case.cut:
        context.findings.equal("records.keys", sorted(by_key), sorted(our_by_key))
    if context.case.interleaved and not context.case.cut:
        context.findings.equal("records.numbers", sorted(map(number_of, golden)), sorted(map(number_of, ours)))
    expectations = Expectations(context)
    for key, record in our_by_key.items():
        _compare(context, expectations, by_key.get(key), record)
    if context.case.sequential and context.workers == 1 and list(by_key) == sorted(by_key):
        context.findings.equal("records.line_order", sorted(our_by_key), list(our_by_key))
    _each_by_itself(context, ours)


def key_of(record: Record) -> Key:
    """What identifies a record in any program: phase, session number, turn."""
    metadata = record["metadata"]
    return (metadata.get("benchmark_phase"), metadata.get("session_num"), metadata.get("turn_index"))


def number_of(record: Record) -> Key:
    """The number of a request in its phase: each is there once, whoever sends which turn first."""
    return key_of(record)[:2]


def _place_of(record: Record) -> Key:
    """What identifies a turn where sessions are interleaved: phase, conversation, turn."""
    metadata = record["metadata"]
    return (metadata.get("benchmark_phase"), metadata.get("conversation_id"), metadata.get("turn_index"))


def _index(context: Context, side: str, records: list[Record]) -> dict[Key, Record]:
    index: dict[Key, Record] = {}
    if context.case.interleaved:
        uses: Counter[Key] = Counter()
        for record in sorted(records, key=number_of):
            place = _place_of(record)
            index[(*place, uses[place])] = record
            uses[place] += 1
    else:
        index = {key_of(record): record for record in records}
    if side == "ours":
        distinct = len({key_of(record) for record in records}) == len(records)
        context.findings.holds("records.distinct", distinct, "one line per request", len(records))
        _check_turns(context, records)
    return index


def _check_turns(context: Context, records: list[Record]) -> None:
    """The turns of a session come one after the other, from the first on, each behind the answer to the one before."""
    sessions: dict[str, list[Record]] = defaultdict(list)
    for record in sorted(records, key=number_of):
        sessions[record["metadata"].get("x_correlation_id", "")].append(record)
    for session in sessions.values():
        turns = [record["metadata"].get("turn_index") for record in session]
        context.findings.equal("records.session.turns", list(range(len(session))), turns)
        gaps = [
            later["metadata"]["request_start_ns"] - earlier["metadata"]["request_end_ns"]
            for earlier, later in itertools.pairwise(session)
        ]
        context.findings.holds(
            "records.session.waits", all(gap >= 0 for gap in gaps), "a turn behind the answer before it", gaps
        )


class Expectations:
    """What golden says of records that got the same scripted answer."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.shapes: dict[int | None, list[Record]] = defaultdict(list)
        for record in context.golden.records:
            self.shapes[self.answer(context.golden.answer_of, record)].append(record)
        self.has_cancelled = any(record["metadata"].get("was_cancelled") for record in context.golden.records)

    @staticmethod
    def answer(answers: dict[str, int], record: Record) -> int | None:
        """The index of the scripted answer a record got; None where it cannot be told."""
        return answers.get(record["metadata"].get("x_request_id", ""))

    def alike(self, record: Record) -> list[Record]:
        """Golden records to compare one of ours with: same answer, both good or both errors; else the nearest."""
        same_phase = [one for one in self.context.golden.records if key_of(one)[0] == key_of(record)[0]]
        same_answer = [
            one for one in self.shapes[self.answer(self.context.ours.answer_of, record)] if one in same_phase
        ]
        pools = [same_answer, same_phase] if self.context.case.cut else [same_answer or same_phase]
        for pool in pools:
            same_kind = [one for one in pool if ("error" in one) == ("error" in record)]
            if same_kind:
                return same_kind
        return pools[0] or self.context.golden.records


def _compare(context: Context, expectations: Expectations, golden: Record | None, record: Record) -> None:
    findings = context.findings
    if context.case.cut and record["metadata"].get("was_cancelled") and not expectations.has_cancelled:
        findings.extra("records.cancelled", record["metadata"].get("x_request_id"))
        _check_cancelled(context, record)
        return
    alike = expectations.alike(record)
    if context.case.sequential and golden is not None and not context.case.cut:
        alike = [golden]
    nearest = _nearest(alike, record)
    findings.equal("records.members", sorted(nearest), sorted(record))
    _compare_metadata(context, nearest, golden, record)
    _compare_metrics(context, alike, nearest, golden, record)
    if "error" in nearest and "error" in record:
        compare_errors(context, "records.error", nearest["error"], record["error"])


def _check_cancelled(context: Context, record: Record) -> None:
    """A request that we closed, in a run where the recording has none: the form that AIPerf gives such records."""
    findings, error = context.findings, record.get("error", {})
    findings.equal("records.cancelled.members", ["error", "metadata", "metrics"], sorted(record))
    findings.equal("records.cancelled.error.code", 499, error.get("code"))
    findings.equal("records.cancelled.error.type", "RequestCancellationError", error.get("type"))
    findings.equal("records.cancelled.metrics", ["error_isl"], sorted(record["metrics"]))
    findings.holds(
        "records.cancelled.cancellation_time_ns",
        type(record["metadata"].get("cancellation_time_ns")) is int,
        "wall-clock nanoseconds",
        record["metadata"].get("cancellation_time_ns"),
    )


def _nearest(candidates: list[Record], record: Record) -> Record:
    def distance(one: Record) -> int:
        return len(set(one) ^ set(record)) + len(set(one["metrics"]) ^ set(record["metrics"]))

    return min(candidates, key=distance)


def _compare_metadata(context: Context, nearest: Record, golden: Record | None, record: Record) -> None:
    findings, metadata, expected = context.findings, record["metadata"], nearest["metadata"]
    for name in expected:
        if name not in metadata:
            findings.missing(f"records.metadata.{name}", expected[name])
    for name in metadata:
        if name not in expected:
            findings.extra(f"records.metadata.{name}", metadata[name])
    common = [name for name in expected if name in metadata]
    findings.equal("records.metadata.order", common, [name for name in metadata if name in expected])
    for name in common:
        _compare_member(context, name, expected[name], golden, metadata)


def _compare_member(
    context: Context, name: str, expected: Any, golden: Record | None, metadata: dict[str, Any]
) -> None:
    findings, value = context.findings, metadata[name]
    where = f"records.metadata.{name}"
    if name in IDENTIFIERS:
        findings.equal(f"{where}.is_uuid", bool(UUID.fullmatch(str(expected))), bool(UUID.fullmatch(str(value))))
    elif name in SERVICES:
        pattern = re.sub(r"[0-9a-f]{8}$", "[0-9a-f]{8}", str(expected))
        findings.holds(where, bool(re.fullmatch(pattern, str(value))), pattern, value)
    elif name.endswith("_ns"):
        findings.holds(where, type(value) is int and value > 10**18, "wall-clock nanoseconds", value)
    elif name in SAME_FOR_ALL or name.startswith("was_") or isinstance(expected, bool):
        findings.equal(where, expected, value)
    elif name == "session_num" and context.case.interleaved:
        findings.equal(f"{where}.type", type(expected), type(value))
    elif name == "conversation_id" and resampled(context):
        findings.skip("which entry is used when (random sampling)")
    elif golden is not None:
        findings.equal(where, golden["metadata"].get(name), value)


def _compare_metrics(
    context: Context, alike: list[Record], nearest: Record, golden: Record | None, record: Record
) -> None:
    findings, metrics = context.findings, record["metrics"]
    _check_rates(context, record)
    for tag, expected in nearest["metrics"].items():
        if tag not in metrics and tag not in ABSENT_AT_ZERO:
            findings.missing(f"records.metrics.{tag}", expected, tag)
    for tag, value in metrics.items():
        where = f"records.metrics.{tag}"
        if tag not in nearest["metrics"]:
            if tag in ABSENT_AT_ZERO:
                continue
            findings.extra(where, value, tag)
            continue
        expected = nearest["metrics"][tag]
        findings.equal(f"{where}.members", list(expected), list(value), tag)
        findings.equal(f"{where}.unit", expected.get("unit"), value.get("unit"), tag)
        findings.equal(f"{where}.type", kind(expected["value"]), kind(value["value"]), tag)
        if tag in INPUT_COUNTS:
            _compare_input_count(context, tag, expected, golden, record)
        elif expected.get("unit") == "tokens" and type(expected["value"]) is int:
            allowed = [one["metrics"][tag]["value"] for one in alike if tag in one["metrics"]]
            findings.holds(where, value["value"] in allowed, allowed[0], value["value"], tag)
        elif isinstance(expected["value"], list):
            allowed = [len(one["metrics"][tag]["value"]) for one in alike if tag in one["metrics"]]
            findings.holds(f"{where}.length", len(value["value"]) in allowed, allowed[0], len(value["value"]), tag)


def _check_rates(context: Context, record: Record) -> None:
    """A rate is there where its time is, and not 0."""
    metrics = record["metrics"]
    known = any(tag in one["metrics"] for tag in ABSENT_AT_ZERO for one in context.golden.records)
    for tag, time in ABSENT_AT_ZERO.items():
        present = time in metrics and metrics[time]["value"] > 0
        if present and tag not in metrics and known:
            context.findings.missing(f"records.metrics.{tag}", f"{time} is not 0", tag)
        elif tag in metrics and not present:
            context.findings.extra(f"records.metrics.{tag}", metrics[tag], tag)


def kind(value: Any) -> str:
    """The JSON type of a value; of a list, that of its elements."""
    if isinstance(value, list):
        return f"list of {', '.join(sorted({type(one).__name__ for one in value})) or 'nothing'}"
    return type(value).__name__


def _compare_input_count(context: Context, tag: str, expected: Any, golden: Record | None, record: Record) -> None:
    """Lengths of inputs belong to the request where the client counts, and to the answer where the server does."""
    where, value = f"records.metrics.{tag}", record["metrics"][tag]["value"]
    unlike = context.case.drawn_isl or (context.case.grown_prompts and record["metadata"].get("turn_index", 0) > 0)
    if unlike and not context.case.has("--use-server-token-count"):
        request = context.ours.request_of.get(record["metadata"].get("x_request_id", ""))
        texts = _message_texts(request["body"]) if request else []
        if context.count_tokens is None or not texts:
            context.findings.skip(f"{tag} of random prompts (no tokenizer, or texts unknown)")
        else:
            context.findings.equal(where, context.count_tokens(" ".join(texts)), value, tag)
    elif context.case.has("--use-server-token-count") or golden is None or tag not in golden["metrics"]:
        context.findings.equal(where, expected["value"], value, tag)
    else:
        context.findings.equal(where, golden["metrics"][tag]["value"], value, tag)


def _message_texts(body: Any) -> list[str]:
    """Texts of a chat or completions body, in the order in which AIPerf joins them."""
    if not isinstance(body, dict):
        return []
    if isinstance(body.get("prompt"), str):
        return [body["prompt"]]
    contents = [message.get("content") for message in body.get("messages", []) if isinstance(message, dict)]
    return [content for content in contents if isinstance(content, str)]


def without_addresses(text: str) -> str:
    """An error text with ports, stamps and object addresses taken out."""
    text = re.sub(r"perf_ns=\d+", "perf_ns={NS}", text)
    text = re.sub(r"port=\d+", "port={PORT}", text)
    text = re.sub(r"('127\.0\.0\.1'|127\.0\.0\.1|\{HOST\}|localhost)(, |:)?\d*", "{ADDRESS}", text)
    return re.sub(r"0x[0-9a-f]+", "{ADDRESS}", text)


def compare_errors(context: Context, where: str, golden: dict[str, Any], ours: dict[str, Any]) -> None:
    """Code, type and message of an error, up to addresses and times."""
    for name, value in golden.items():
        if name not in ours:
            context.findings.missing(f"{where}.{name}", value)
        else:
            context.findings.equal(f"{where}.{name}", _plain(value), _plain(ours[name]))
    for name, value in ours.items():
        if name not in golden:
            context.findings.extra(f"{where}.{name}", value)
    common = [name for name in golden if name in ours]
    context.findings.equal(f"{where}.order", common, [name for name in ours if name in golden])


def _plain(value: Any) -> Any:
    return without_addresses(value) if isinstance(value, str) else value


def same_error(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Equal up to addresses and times."""
    return same({k: _plain(v) for k, v in one.items()}, {k: _plain(v) for k, v in other.items()})


def _each_by_itself(context: Context, records: list[Record]) -> None:
    for record in records:
        _check_identity(context, record)
        check_record_formulas(context, record)
        check_record_times(context, record)


def _check_identity(context: Context, record: Record) -> None:
    """The ids in a record are those that were sent, and its stamps are in order."""
    metadata, findings = record["metadata"], context.findings
    request = context.ours.request_of.get(metadata.get("x_request_id", ""))
    if request is None:
        return
    stamps = [
        metadata[name]
        for name in ("credit_issued_ns", "request_start_ns", "request_ack_ns", "request_end_ns")
        if name in metadata
    ]
    findings.holds("records.metadata.stamps_in_order", stamps == sorted(stamps), "ascending", stamps)
    root = metadata.get("root_correlation_id")
    if root is not None and metadata.get("agent_depth") == 0:
        findings.equal("records.metadata.root_correlation_id", metadata.get("x_correlation_id"), root)
    sent = request.get("session")
    if sent is not None:
        findings.equal("records.metadata.x_correlation_id.sent", sent, metadata.get("x_correlation_id"))
