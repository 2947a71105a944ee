"""ap.profile(): a whole run from Python, its numbers, its records as columns."""

from __future__ import annotations

import gc
import json
from typing import TYPE_CHECKING

import aiperf_cpp as ap
import numpy as np
import pytest
from api_support import SHORT, options
from command_support import answer, chat_script

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import MockFactory

REQUESTS = 12


@pytest.fixture
def result(mock: MockFactory, tmp_path: Path) -> ap.Result:
    server = mock(flags=SHORT)
    return ap.profile(**options(server, tmp_path / "run", concurrency=3, request_count=REQUESTS))


def test_a_run_gives_metrics_with_units(result: ap.Result) -> None:
    assert (result.status, result.exit_code, result.valid, result.failed) == ("complete", 0, REQUESTS, 0)
    ttft = result["time_to_first_token"]
    assert ttft.unit == "ms"
    assert ttft.count == REQUESTS
    assert ttft.min is not None
    assert ttft.p99 is not None
    assert 10 <= ttft.min <= ttft.avg <= ttft.p99
    assert result["usage_completion_tokens"].p50 == 8
    throughput = result["request_throughput"]
    assert throughput.value > 0
    assert throughput.p99 is None
    assert set(throughput.statistics) == {"avg"}


def test_the_numbers_are_those_of_the_summary_file(result: ap.Result) -> None:
    summary = json.loads((result.artifact_directory / "profile_export_aiperf.json").read_text(encoding="utf-8"))
    compared = 0
    for tag, metric in result.metrics.items():
        if tag in summary:
            assert summary[tag]["unit"] == metric.unit
            for name, value in metric.statistics.items():
                if name in summary[tag]:
                    assert summary[tag][name] == pytest.approx(value, rel=1e-12), (tag, name)
                    compared += 1
    assert compared > 50


def test_the_artifacts_are_named_and_there(result: ap.Result) -> None:
    names = {path.name for path in result.artifacts}
    assert {"profile_export_aiperf.json", "profile_export_aiperf.csv", "profile_export.jsonl"} <= names
    assert all(path.is_file() and path.parent == result.artifact_directory for path in result.artifacts)


def test_an_unknown_metric_is_refused_with_the_nearest_name(result: ap.Result) -> None:
    with pytest.raises(KeyError, match="no metric 'request_latncy'; did you mean 'request_latency'"):
        result["request_latncy"]
    assert "request_latency" in result
    assert "request_latncy" not in result
    assert list(result) == list(result.metrics)


def test_the_records_are_the_journal_itself(result: ap.Result) -> None:
    records = result.records
    assert not records.flags.owndata
    assert not records.flags.writeable
    assert np.shares_memory(records, result._source.records())
    assert result.records is records
    assert records.dtype.itemsize == 192
    with pytest.raises(ValueError, match="read-only"):
        records["turn"] = 1


def test_the_records_equal_the_lines_of_the_export(result: ap.Result) -> None:
    text = (result.artifact_directory / "profile_export.jsonl").read_text(encoding="utf-8")
    lines = sorted(map(json.loads, text.splitlines()), key=lambda line: line["metadata"]["request_start_ns"])
    records = result.records[result.records["state"] == 3]
    records = records[np.argsort(records["send_start_ns"], kind="stable")]
    assert len(lines) == len(records) == REQUESTS
    for line, record in zip(lines, records, strict=True):
        ttft_ns = record["first_content_ns"] - record["send_start_ns"]
        latency_ns = record["last_content_ns"] - record["send_start_ns"]
        assert line["metrics"]["time_to_first_token"]["value"] == pytest.approx(ttft_ns / 1e6, rel=1e-12)
        assert line["metrics"]["request_latency"]["value"] == pytest.approx(latency_ns / 1e6, rel=1e-12)
        assert line["metrics"]["input_sequence_length"]["value"] == record["input_tokens"]
        assert line["metrics"]["output_sequence_length"]["value"] == record["output_tokens"]


def test_the_records_outlive_the_result(mock: MockFactory, tmp_path: Path) -> None:
    records = ap.profile(**options(mock(flags=SHORT), tmp_path / "run", request_count=3)).records
    gc.collect()
    assert (records["state"] == 3).all()
    assert (records["http_status"] == 200).all()
    assert (records["send_start_ns"] < records["end_ns"]).all()


def test_the_events_of_an_answer_are_in_order(result: ap.Result) -> None:
    for index, record in enumerate(result.records):
        events = result.events(index)
        assert len(events) == record["event_count"] > 8
        assert not events.flags.owndata
        assert (np.diff(events["at_ns"]) >= 0).all()
        content = events[np.isin(events["kind"], [1, 2, 3, 5])]
        assert content["at_ns"][0] == record["first_content_ns"]
        assert content["at_ns"][-1] == record["last_content_ns"]
    assert len(result.events(-1)) == result.records[-1]["event_count"]
    with pytest.raises(IndexError, match=f"record {REQUESTS} of {REQUESTS}"):
        result.events(REQUESTS)


def test_failed_requests_are_counted_and_not_raised(mock: MockFactory, tmp_path: Path) -> None:
    script = chat_script(answer(), {"status": 503, "reason": "Service Unavailable", "text": "busy"})
    result = ap.profile(**options(mock(script), tmp_path / "run", request_count=6))
    assert (result.status, result.exit_code, result.valid, result.failed) == ("complete", 0, 3, 3)
    error = result.errors[0]
    assert (error.code, error.count) == (503, 3)
    assert "busy" in error.message
    failed = np.flatnonzero(result.records["error"])
    assert len(failed) == 3
    assert "busy" in result.error_text(int(failed[0]))


def test_a_result_is_a_table_in_a_terminal_and_in_a_notebook(result: ap.Result) -> None:
    assert "Time to First Token" in str(result)
    assert "<table>" in result._repr_html_()
    assert "Time to First Token (ms)" in result._repr_html_()
    assert "<table>" in result["request_latency"]._repr_html_()
    assert repr(result) == f"<Result complete: {REQUESTS} good answers, 0 failed, {len(result)} metrics>"


def test_error_texts_are_escaped_in_a_notebook(mock: MockFactory, tmp_path: Path) -> None:
    script = chat_script({"status": 400, "text": "<script>alert(1)</script>"})
    result = ap.profile(**options(mock(script), tmp_path / "run", request_count=1))
    assert result.exit_code == 1
    assert "<script>" not in result._repr_html_()


def test_nothing_is_printed(mock: MockFactory, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    ap.profile(**options(mock(flags=SHORT), tmp_path / "run", request_count=2))
    assert capfd.readouterr() == ("", "")
