"""ap.load: results of runs that are over, from our directories and from AIPerf's."""

from __future__ import annotations

import csv
import json
import math
import pickle
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiperf_cpp as ap
import numpy as np
import pytest
from aiperf_cpp import _core
from aiperf_cpp._tables import column_name
from api_support import ENDLESS, SHORT, options

if TYPE_CHECKING:
    from conftest import MockFactory

ROOT = Path(__file__).resolve().parents[2]
CASES = ROOT / "tests" / "golden" / "cases"
WITH_TABLE = sorted(path.parent.parent.name for path in CASES.glob("*/artifacts/profile_export_aiperf.csv"))
WITH_SUMMARY = sorted(path.parent.parent.name for path in CASES.glob("*/artifacts/profile_export_aiperf.json"))


def artifacts(case: str) -> Path:
    return CASES / case / "artifacts"


def summary(case: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((artifacts(case) / "profile_export_aiperf.json").read_text(encoding="utf-8"))
    return value


def lines(directory: Path) -> list[dict[str, Any]]:
    text = (directory / "profile_export.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.split("\n") if line]


@pytest.mark.parametrize("case", WITH_SUMMARY)
def test_a_recorded_directory_of_aiperf_has_its_metrics(case: str) -> None:
    result, wanted = ap.load(artifacts(case)), summary(case)
    tags = {tag for tag, entry in wanted.items() if isinstance(entry, dict) and "avg" in entry}
    assert set(result) == tags
    for tag in tags:
        metric, entry = result[tag], wanted[tag]
        assert metric.unit == entry["unit"]
        assert metric.statistics == {name: entry[name] for name in metric.statistics}
        assert metric.statistics.keys() == entry.keys() - {"unit"}
    assert result.benchmark_id == wanted["benchmark_id"]
    assert result.artifact_directory == artifacts(case)
    assert "Request Latency (ms)" in result._repr_html_()


@pytest.mark.parametrize("case", WITH_TABLE)
def test_metrics_are_called_as_in_aiperfs_own_table(case: str) -> None:
    with (artifacts(case) / "profile_export_aiperf.csv").open(encoding="utf-8", newline="") as file:
        rows = {row[0] for row in csv.reader(file) if row}
    headers = rows | {re.sub(r" \([^()]*\)$", "", row) for row in rows}  # with a unit behind some of them
    shown = {metric.header for tag, metric in ap.load(artifacts(case)).metrics.items() if tag in _core.metric_units()}
    assert len(shown) > 20
    assert shown - headers == set()


def test_a_complete_run_of_aiperf_says_so() -> None:
    result = ap.load(artifacts("chat_stream_usage"))
    assert (result.status, result.error, result.error_type, result.exit_code) == ("complete", "", "", 0)
    assert (result.valid, result.failed, result.errors) == (summary("chat_stream_usage")["request_count"]["avg"], 0, [])


def test_a_cancelled_run_of_aiperf_says_so() -> None:
    result = ap.load(artifacts("sigint_once"))
    assert (result.status, result.error, result.exit_code) == ("cancelled", "", 130)


def test_errors_of_aiperf_are_counted_most_frequent_first() -> None:
    result = ap.load(artifacts("errors_mixed"))
    assert result.failed == summary("errors_mixed")["error_request_count"]["avg"] == 18
    counts = [error.count for error in result.errors]
    assert counts == sorted(counts, reverse=True)
    assert ap.ErrorCount(429, "Too Many Requests", '{"error": "slow down"}', 2) in result.errors


def test_a_run_of_aiperf_without_a_summary_has_its_lines() -> None:
    result = ap.load(artifacts("errors_all"))
    rows = lines(artifacts("errors_all"))
    assert (result.valid, result.failed, len(result)) == (0, len(rows), 0)
    assert (result.status, result.exit_code) == ("incomplete", 1)
    assert "profile_export_aiperf.json" in result.error
    assert sum(error.count for error in result.errors) == len(rows)
    assert result.error_text(0) == rows[0]["error"]["message"]


@pytest.mark.parametrize("case", [path.parent.parent.name for path in CASES.glob("*/artifacts/profile_export.jsonl")])
def test_records_of_aiperf_are_the_lines_of_its_file(case: str) -> None:
    result, rows = ap.load(artifacts(case)), lines(artifacts(case))
    records = result.records
    assert len(records) == len(rows)
    assert not records.flags.writeable
    assert records["request_start_ns"].tolist() == [row["metadata"]["request_start_ns"] for row in rows]
    assert records["x_request_id"].tolist() == [row["metadata"]["x_request_id"] for row in rows]
    assert records["error_text"].tolist() == [row.get("error", {}).get("message", "") for row in rows]
    frame = result.to_pandas()
    assert frame.index.tolist() == list(range(len(rows)))
    if "request_latency_ms" in frame:
        wanted = [row["metrics"].get("request_latency", {"value": None})["value"] for row in rows]
        assert [None if math.isnan(value) else value for value in frame["request_latency_ms"].tolist()] == wanted
    assert result.to_arrow().num_rows == result.to_polars().height == len(rows)


def test_columns_of_aiperfs_metrics_are_named_as_ours(mock: MockFactory, tmp_path: Path) -> None:
    ours = ap.profile(**options(mock(flags=SHORT), tmp_path / "run", request_count=3)).to_pandas()
    theirs = ap.load(artifacts("chat_stream_usage")).to_pandas()
    assert {"time_to_first_token_ms", "inter_token_latency_ms", "output_sequence_length_tokens"} <= set(theirs)
    names = {column_name(tag, unit) for tag, unit in _core.metric_units().items()}
    assert len(names & set(theirs)) > 12
    # The mock server does not tell of cached tokens.
    assert names & set(theirs) - set(ours) <= {"usage_prompt_cache_read_tokens"}


def test_the_configuration_of_aiperf_is_read_as_far_as_there_are_options(tmp_path: Path) -> None:
    case = "rate_poisson"
    shutil.copytree(artifacts(case), tmp_path / "run")
    file = tmp_path / "run" / "profile_export_aiperf.json"
    file.write_text(file.read_text(encoding="utf-8").replace("{URL}", "http://127.0.0.1:1"), encoding="utf-8")
    asked = summary(case)["input_config"]
    config = ap.load(tmp_path / "run").config
    assert config.model_names == ["golden-model"]
    assert config.urls == ["http://127.0.0.1:1"]
    assert config.streaming is asked["endpoint"].get("streaming", False)
    (phase,) = asked["phases"]
    assert (config.request_rate, config.request_count) == (phase["rate"], phase["requests"])
    assert config.arrival_pattern == phase["type"] == "poisson"
    assert config.isl_mean == asked["datasets"][0]["prompts"]["isl"]["mean"]
    assert config.random_seed == summary(case)["run_info"]["random_seed"]
    config.replace(use_server_token_count=True).validate()


def test_what_only_a_journal_has_is_refused_by_name() -> None:
    result = ap.load(artifacts("chat_stream_usage"))
    for ask in (result.output_text, result.reasoning_text, result.events):
        with pytest.raises(ValueError, match="are in a run's journal; these artifacts have none"):
            ask(0)


def test_a_loaded_result_of_aiperf_is_pickled() -> None:
    result = ap.load(artifacts("errors_mixed"))
    other = pickle.loads(pickle.dumps(result))
    assert (other.metrics, other.errors, other.status) == (result.metrics, result.errors, result.status)
    assert other.to_pandas().equals(result.to_pandas())
    assert other.error_text(1) == result.error_text(1)
    assert str(other) == str(result)


@pytest.fixture
def finished(mock: MockFactory, tmp_path: Path) -> ap.Result:
    run = options(mock(flags=SHORT), tmp_path / "run", request_count=5, warmup_request_count=2, concurrency=2)
    return ap.profile(**run)


def same_numbers(one: ap.Result, other: ap.Result) -> bool:
    return one.metrics == other.metrics and (one.valid, one.failed, one.errors) == (
        other.valid,
        other.failed,
        other.errors,
    )


def test_our_directory_gives_the_result_again_and_nothing_is_written(finished: ap.Result) -> None:
    directory = finished.artifact_directory
    before = {path: path.stat().st_mtime_ns for path in directory.rglob("*")}
    result = ap.load(directory)
    assert same_numbers(result, finished)
    assert (result.status, result.error, result.exit_code) == ("complete", "", 0)
    assert (result.benchmark_id, result.config) == (finished.benchmark_id, finished.config)
    assert (result.artifact_directory, set(result.artifacts)) == (directory, set(finished.artifacts))
    np.testing.assert_array_equal(result.records, finished.records)
    slots = range(len(finished.records))
    assert [result.output_text(slot) for slot in slots] == [finished.output_text(slot) for slot in slots]
    assert result.console_text() == finished.console_text()
    assert result.to_pandas().equals(finished.to_pandas())
    assert {path: path.stat().st_mtime_ns for path in directory.rglob("*")} == before
    assert same_numbers(ap.load(str(directory) + "/"), finished)


def test_our_files_without_the_journal_give_the_same_metrics(finished: ap.Result) -> None:
    shutil.rmtree(finished.artifact_directory / "journal")
    result = ap.load(finished.artifact_directory)
    exported = json.loads((finished.artifact_directory / "profile_export_aiperf.json").read_text(encoding="utf-8"))
    wanted = {tag: metric for tag, metric in finished.metrics.items() if tag in exported}
    assert list(result) == list(wanted)
    for tag, metric in wanted.items():
        assert result[tag].statistics == pytest.approx(metric.statistics, rel=1e-12), tag
        assert (result[tag].header, result[tag].unit) == (metric.header, metric.unit)
    assert (result.valid, result.failed, result.status) == (5, 0, "complete")
    asked = finished.config
    for name in ("model_names", "streaming", "concurrency", "request_count", "warmup_request_count", "isl_mean"):
        assert getattr(result.config, name) == getattr(asked, name), name
    assert result.config.tokenizer == asked.tokenizer
    ours, theirs = finished.to_pandas(), result.to_pandas()
    assert sorted(theirs["time_to_first_token_ms"]) == pytest.approx(sorted(ours["time_to_first_token_ms"]))


def test_the_configuration_comes_back_from_our_files_alone(mock: MockFactory, tmp_path: Path) -> None:
    asked = options(
        mock(flags=SHORT),
        tmp_path / "run",
        request_count=4,
        concurrency=2,
        warmup_request_count=2,
        warmup_concurrency=1,
        request_rate=500.0,
        arrival_pattern="constant",
        connection_reuse_strategy="never",
        wait_for_model_timeout=1.0,
        extra_inputs={"temperature": 0.5},
        headers={"A": "b"},
        workers_max=1,
        ui="none",
        osl=8,
    )
    ran = ap.profile(**asked)
    shutil.rmtree(ran.artifact_directory / "journal")
    # An address gains its scheme; a tokenizer and a directory are texts.
    assert ap.load(tmp_path / "run").config == ran.config.replace(urls=ap.load(tmp_path / "run").config.urls)


@pytest.mark.parametrize("entries", [None, 2])
def test_sessions_come_back_from_our_files_alone(mock: MockFactory, tmp_path: Path, entries: int | None) -> None:
    asked = options(
        mock(flags=SHORT),
        tmp_path / "run",
        num_sessions=3,
        num_dataset_entries=entries,
        warmup_num_sessions=1,
        session_turns_mean=2,
        session_turn_delay_mean=1.5,
        session_delay_ratio=0.5,
    )
    ran = ap.profile(**asked)
    shutil.rmtree(ran.artifact_directory / "journal")
    assert ran.valid == 6
    assert ap.load(tmp_path / "run").config == ran.config.replace(urls=ap.load(tmp_path / "run").config.urls)


def test_a_journal_in_a_directory_of_its_own_is_found(mock: MockFactory, tmp_path: Path) -> None:
    environment = {"AIPERF_JOURNAL_DIR": str(tmp_path / "journals")}
    given = options(mock(flags=SHORT), tmp_path / "run", request_count=2)
    ran = ap.profile(environment=environment, **given)
    assert not (tmp_path / "run" / "journal").exists()
    assert ap.load(tmp_path / "run", environment=environment).records.dtype == ran.records.dtype
    assert "x_request_id" in (ap.load(tmp_path / "run").records.dtype.names or ())


def test_a_cancelled_run_of_ours_says_so(mock: MockFactory, tmp_path: Path) -> None:
    server = mock(flags=ENDLESS)
    with ap.Run(**options(server, tmp_path / "run", concurrency=2, request_count=5)) as run:
        server.wait_arrived(2)
        run.cancel()
    result = ap.load(tmp_path / "run")
    assert same_numbers(result, run.result())
    assert (result.status, result.exit_code, result.failed) == ("cancelled", 130, 2)


def test_a_running_run_is_refused_and_an_interrupted_one_is_incomplete(mock: MockFactory, tmp_path: Path) -> None:
    server = mock(flags=ENDLESS)
    run = ap.Run(**options(server, tmp_path / "run", concurrency=2, request_count=5)).start()
    server.wait_arrived(2)
    with pytest.raises(ap.RunError, match="a run is writing to"):
        ap.load(tmp_path / "run")
    run.abort()
    run.wait()
    result = ap.load(tmp_path / "run")
    assert (result.status, result.error_type, result.failed) == ("incomplete", "RunError", 2)
    assert "recover makes them" in result.error
    recovered = ap.recover(tmp_path / "run")
    again = ap.load(tmp_path / "run")
    assert same_numbers(again, recovered)
    assert (again.status, again.error) == ("incomplete", recovered.error)


def test_a_run_with_a_key_is_loaded_and_recovered_without_it(mock: MockFactory, tmp_path: Path) -> None:
    server = mock(flags=ENDLESS)
    secrets = {"api_key": "sk-1", "headers": {"Authorization": "Bearer t", "A": "b"}}
    run = ap.Run(**options(server, tmp_path / "run", request_count=1, **secrets)).start()
    server.wait_arrived(1)
    run.abort()
    run.wait()
    for result in (ap.load(tmp_path / "run"), ap.recover(tmp_path / "run"), ap.load(tmp_path / "run")):
        assert result.config.api_key == "<redacted>"
        assert result.config.headers == [["Authorization", "<redacted>"], ["A", "b"]]
        with pytest.raises(ap.ConfigError, match="stands in place of the secret"):
            ap.RunConfig(**result.config.to_dict())


def test_where_no_run_was_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ap.RunError, match=f"no run is in {tmp_path}: neither a journal nor"):
        ap.load(tmp_path)
    with pytest.raises(ap.RunError, match="no run is in"):
        ap.load(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("profile_export_aiperf.json", b"{", "profile_export_aiperf.json: not JSON"),
        ("profile_export_aiperf.json", b"\xff", "profile_export_aiperf.json: not JSON"),
        ("profile_export_aiperf.json", b"[1]", "not the summary of a run"),
        ("profile_export_aiperf.json", b'{"error_summary": [1]}', "not the summary of a run"),
        ("profile_export.jsonl", b"{\n{}\n", r"profile_export.jsonl:1: not JSON"),
        ("profile_export.jsonl", b"[]\n", r"profile_export.jsonl:1: not the line of a request"),
        ("profile_export.jsonl", b'{"metadata": 1, "metrics": {}}\n', r"profile_export.jsonl:1: not the line"),
    ],
)
def test_damaged_files_are_named(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ap.RunError, match=message):
        ap.load(tmp_path)


def test_a_last_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    whole = (artifacts("errors_mixed") / "profile_export.jsonl").read_bytes()
    (tmp_path / "profile_export.jsonl").write_bytes(whole[:-100])
    assert len(ap.load(tmp_path).records) == whole.count(b"\n") - 1


def test_a_damaged_journal_is_not_passed_over(finished: ap.Result) -> None:
    (finished.artifact_directory / "journal" / "records").write_bytes(b"x" * 5000)
    with pytest.raises(ap.RunError, match="journal"):
        ap.load(finished.artifact_directory)
