"""What the server received: how many, which bodies and headers, when."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from ..case import ISL_FLAGS, in_flight_until, overlaps
from ..findings import Findings, same
from .context import Context, deep_equal
from .sessions import compare_sessions

if TYPE_CHECKING:
    from collections.abc import Callable

Request = dict[str, Any]
TEXT_KEYS = {"content", "prompt", "text", "input", "inputs", "query", "passages", "documents", "texts", "system"}
LENGTH_KEYS = {"max_completion_tokens", "max_tokens", "min_tokens", "max_output_tokens", "max_new_tokens"}
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def compare_requests(context: Context) -> None:
    """All comparisons of this module."""
    _take_out_second_tries(context)
    findings, golden, ours = context.findings, context.golden.requests, context.ours.requests
    if context.case.cut:
        findings.holds("requests.count", bool(ours) == bool(golden), len(golden), len(ours))
        findings.skip("number of requests (ends by time or signal)")
    else:
        findings.equal("requests.count", len(golden), len(ours))
    _targets(context)
    _identifiers(context)
    if golden and ours:
        _bodies(context)
        _headers(context)
        compare_sessions(context)
        _order(context)
        _arrivals(context)


def _take_out_second_tries(context: Context) -> None:
    """Notes each request that was sent again (same id, after a connection that broke), and keeps one of the two: in the
    place and on the connection of the first, with the times of the second, which are those of the record."""
    findings = context.findings
    kept: dict[str, Request] = {}
    for number, request in enumerate(context.ours.requests):
        key = request.get("x_request_id") or f"no. {number}"
        first = kept.get(key)
        if first is None:
            kept[key] = request
            continue
        broke_off = first.get("mock_action") in ("reset", "close") and not first.get("sent_ms")
        findings.holds("requests.second_try.after_a_break", broke_off, "no byte of an answer before it", first)
        deep_equal(findings, "requests.second_try.body", first["body"], request["body"])
        findings.extra("requests.second_try", key)
        kept[key] = {**request, "conn": first["conn"]}
    context.ours.requests[:] = kept.values()


def _targets(context: Context) -> None:
    def lines(requests: list[Request]) -> Counter[str]:
        return Counter(f"{request['method']} {request['target']}" for request in requests)

    golden, ours = lines(context.golden.requests), lines(context.ours.requests)
    if context.case.cut:
        context.findings.equal("requests.target", sorted(golden), sorted(ours))
    else:
        context.findings.equal("requests.target", sorted(golden.items()), sorted(ours.items()))


def _identifiers(context: Context) -> None:
    seen: Counter[str] = Counter()
    for request in context.ours.requests:
        identifier = request.get("x_request_id")
        if any(name == "X-Request-ID" for name, _ in request["headers"]):
            context.findings.holds(
                "requests.request_id", bool(UUID.fullmatch(identifier or "")), "a UUID in lower case", identifier
            )
            seen[str(identifier)] += 1
    repeated = [identifier for identifier, count in seen.items() if count > 1]
    context.findings.equal("requests.request_id.distinct", [], repeated)


# ---- bodies


def mask_body(body: Any, label: Callable[[str], Any], length: Callable[[int], Any], key: str = "") -> Any:
    """A copy of a body in which each made-up text and asked length is replaced by what `label` and `length` say.

    What an assistant has said (earlier answers of the server) stays as it is.
    """
    if isinstance(body, dict):
        if body.get("role") == "assistant":
            return body
        return {name: mask_body(value, label, length, name) for name, value in body.items()}
    if isinstance(body, list):
        return [mask_body(value, label, length, key) for value in body]
    if isinstance(body, str) and key in TEXT_KEYS:
        return label(body)
    if type(body) is int and key in LENGTH_KEYS:
        return length(body)
    return body


def texts_of(body: Any) -> list[str]:
    """The texts which mask_body replaces, in order."""
    found: list[str] = []
    mask_body(body, found.append, lambda value: value)
    return found


class BodyMask:
    """Turns bodies of one side into a form in which two programs with other prompts must agree."""

    def __init__(self, context: Context, bodies: list[Any], ordered: bool) -> None:
        self.context = context
        self.ordered = ordered and not resampled(context)
        self.first_seen: dict[str, int] = {}
        self.times: Counter[str] = Counter()
        for body in bodies:
            for text in texts_of(body):
                self.first_seen.setdefault(text, len(self.first_seen))
                self.times[text] += 1

    def __call__(self, body: Any) -> Any:
        return mask_body(body, self._label, self._length) if self.context.case.synthetic else body

    def _label(self, text: str) -> str:
        case, count = self.context.case, self.context.count_tokens
        parts = ["text"]
        if self.ordered:
            parts.append(f"no. {self.first_seen[text]}")
        elif not case.cut and not resampled(self.context):
            parts.append(f"used {self.times[text]} times")
        if count is not None and not case.drawn_isl:
            parts.append(f"{count(text)} tokens")
        return f"<{', '.join(parts)}>"

    def _length(self, value: int) -> Any:
        return "<drawn>" if self.context.case.drawn_osl and value >= 1 else value


def resampled(context: Context) -> bool:
    """Which entry comes when is random, so it differs between programs."""
    strategy = context.case.value("--dataset-sampling-strategy")
    configured = [entry.get("sampling") for entry in context.case.input_config.get("datasets", [])]
    return strategy not in (None, "sequential") or any(kind not in (None, "sequential") for kind in configured)


def _bodies(context: Context) -> None:
    findings, case = context.findings, context.case
    if case.synthetic and context.count_tokens is None:
        findings.skip("token counts of prompts (no tokenizer)")
    golden = [request["body"] for request in context.golden.requests]
    ours = [request["body"] for request in context.ours.requests]
    mask_golden, mask_ours = BodyMask(context, golden, case.sequential), BodyMask(context, ours, case.sequential)
    golden, ours = [mask_golden(body) for body in golden], [mask_ours(body) for body in ours]
    if case.cut:
        golden, ours = _distinct(golden), _distinct(ours)
    if case.sequential:
        for one, other in zip(golden, ours, strict=False):
            deep_equal(findings, "requests.body", one, other)
    else:
        compare_bags(findings, "requests.body", golden, ours)
    _serialisation(context)
    _drawn_lengths(context)


def _distinct(values: list[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if not any(same(value, other) for other in found):
            found.append(value)
    return found


def compare_bags(findings: Findings, where: str, golden: list[Any], ours: list[Any]) -> None:
    """Compares two lists without regard to order; leftovers are paired to say where they differ."""
    left = list(ours)
    unmatched = []
    for value in golden:
        match = next((index for index, other in enumerate(left) if same(value, other)), None)
        if match is None:
            unmatched.append(value)
        else:
            findings.checks += 1
            left.pop(match)
    for value, other in zip(unmatched, left, strict=False):
        deep_equal(findings, where, value, other)
    for value in unmatched[len(left) :]:
        findings.missing(where, value)
    for other in left[len(unmatched) :]:
        findings.extra(where, other)


def _compact(request: Request) -> bool:
    text = json.dumps(request["body"], ensure_ascii=False, separators=(",", ":"))
    return bool(len(text.encode("utf-8")) == request["body_bytes"])


def _serialisation(context: Context) -> None:
    if all(_compact(request) for request in context.golden.requests if request.get("body") is not None):
        for request in (one for one in context.ours.requests if one.get("body") is not None):
            context.findings.holds(
                "requests.body_bytes",
                _compact(request),
                "JSON without spaces",
                f"{request['body_bytes']} bytes for {json.dumps(request['body'])[:80]}",
            )


def _drawn_lengths(context: Context) -> None:
    """Random lengths: more than one, and a mean within six standard errors of the one asked for."""
    case, count = context.case, context.count_tokens
    mean, deviation = case.value(*ISL_FLAGS), case.value("--isl-stddev")
    if not case.synthetic or count is None or mean is None or deviation is None or not case.drawn_isl:
        return
    lengths = [
        count(text) for text in {text for request in context.ours.requests for text in texts_of(request["body"])}
    ]
    bound = 6 * float(deviation) / math.sqrt(max(len(lengths), 1)) + 1
    average = sum(lengths) / max(len(lengths), 1)
    context.findings.holds(
        "requests.drawn_lengths.mean", abs(average - float(mean)) <= bound, f"{mean} within {bound:.1f}", average
    )
    context.findings.holds("requests.drawn_lengths.vary", len(set(lengths)) > 1, "several lengths", sorted(lengths))


# ---- headers


def _headers(context: Context) -> None:
    findings = context.findings
    golden = [_comparable_headers(request, context.case.sequential) for request in context.golden.requests]
    kinds = _distinct(golden)
    for index, request in enumerate(context.ours.requests):
        headers = _comparable_headers(request, context.case.sequential)
        if context.case.sequential and index < len(golden):
            expected = golden[index]
        else:
            expected = min(kinds, key=lambda kind: len(set(map(tuple, kind)) ^ set(map(tuple, headers))))
        _compare_headers(findings, expected, headers)
        _check_length(findings, request)


def _comparable_headers(request: Request, numbered_sessions: bool) -> list[list[str]]:
    result = []
    for name, value in request["headers"]:
        shown = "{LENGTH}" if name.lower() == "content-length" else value
        if not numbered_sessions:
            shown = re.sub(r"\{SESSION:\d+\}", "{SESSION}", shown)
        result.append([name, re.sub(r"boundary=\S+", "boundary={BOUNDARY}", shown)])
    return result


def _compare_headers(findings: Findings, golden: list[list[str]], ours: list[list[str]]) -> None:
    golden_names, our_names = [name for name, _ in golden], [name for name, _ in ours]
    for name, value in golden:
        matching = [other for our_name, other in ours if our_name == name]
        if not matching:
            findings.missing(f"requests.headers.{name}", value)
        elif len(matching) > golden_names.count(name):
            findings.extra(f"requests.headers.{name}", matching)
        else:
            findings.equal(f"requests.headers.{name}", value, matching[0])
    for name, value in ours:
        if name not in golden_names:
            findings.extra(f"requests.headers.{name}", value)
    order = [name for name in golden_names if name in our_names]
    findings.equal("requests.headers.order", order, [name for name in our_names if name in golden_names])


def _check_length(findings: Findings, request: Request) -> None:
    for name, value in request["headers"]:
        if name.lower() == "content-length":
            findings.equal("requests.headers.Content-Length.value", str(request["body_bytes"]), value)


# ---- when and over what


def _order(context: Context) -> None:
    case, findings = context.case, context.findings
    ours = context.ours.requests
    if case.sequential:
        findings.holds("requests.one_at_a_time", not overlaps(ours), "no two at once", "two at once")
        if context.workers == 1 and not case.cut:
            _connections(context)
    limit = case.value("--concurrency")
    if limit is not None and limit.isdigit():
        peak = peak_in_flight(ours)
        findings.holds("requests.in_flight", peak <= int(limit), f"at most {limit}", peak)

    def closed(requests: list[Request]) -> int:
        return sum(request.get("client_closed_ms") is not None for request in requests)

    if not case.cut:
        findings.equal("requests.client_closed", closed(context.golden.requests), closed(ours))


def _connections(context: Context) -> None:
    golden = len({request["conn"] for request in context.golden.requests})
    ours = len({request["conn"] for request in context.ours.requests})
    context.findings.equal("requests.connections", golden, ours)


def peak_in_flight(requests: list[Request], slack_ms: float = 0.5) -> int:
    """The largest number of requests that were being answered at once."""
    steps = [(request["t_ms"] + slack_ms, 1) for request in requests]
    steps += [(in_flight_until(request), -1) for request in requests]
    now = peak = 0
    for _, step in sorted(steps):
        now += step
        peak = max(peak, now)
    return peak


def _arrivals(context: Context) -> None:
    """Open loop at a fixed rate: the exact grid, or gaps of the asked mean with the asked spread."""
    case = context.case
    rate_text = case.value("--request-rate")
    steady = not case.has(
        "--request-rate-ramp-duration", "--concurrency", "--warmup-request-count", "--user-centric-rate"
    )
    single_turn = all(record["metadata"]["turn_index"] == 0 for record in context.golden.records)
    if rate_text is None or not steady or not single_turn or len(context.ours.requests) < 3:
        return
    rate = float(rate_text)
    times = [request["t_ms"] for request in _by_session_number(context)]
    if case.value("--arrival-pattern", "--request-rate-mode") == "constant":
        worst = max(abs(at - times[0] - 1000 * index / rate) for index, at in enumerate(times))
        context.findings.holds(
            "requests.arrivals.grid",
            worst <= context.time_tolerance_ms,
            f"a request each {1000 / rate:g} ms within {context.time_tolerance_ms:g} ms",
            f"{worst:.1f} ms off",
        )
    else:
        _random_arrivals(context, times, rate)


def _by_session_number(context: Context) -> list[Request]:
    """Our requests in the order in which they were planned, as far as the records tell it; else in that of arrival."""
    numbers = {
        record["metadata"].get("x_request_id"): record["metadata"].get("session_num") for record in context.ours.records
    }
    requests = sorted(context.ours.requests, key=lambda request: request["t_ms"])
    if len(requests) == len(numbers) and all(request.get("x_request_id") in numbers for request in requests):
        requests.sort(key=lambda request: numbers[request["x_request_id"]])
    return requests


def _random_arrivals(context: Context, times: list[float], rate: float) -> None:
    arrived = sorted(times)
    gaps = [(later - earlier) / 1000 for earlier, later in itertools.pairwise(arrived)]
    smoothness = float(context.case.value("--arrival-smoothness", "--vllm-burstiness") or 1.0)
    mean = sum(gaps) / len(gaps)
    error = 5 / (rate * math.sqrt(smoothness * len(gaps)))
    context.findings.holds(
        "requests.arrivals.mean", abs(mean - 1 / rate) <= error, f"{1 / rate:.4f} s within {error:.4f} s", mean
    )
    spread = math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) / mean
    least = 0.25 / math.sqrt(smoothness)
    context.findings.holds("requests.arrivals.spread", spread >= least, f"at least {least:.2f} of the mean", spread)
