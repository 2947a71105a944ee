"""ap.Result as a value: it cannot be changed, it can be copied, pickled, and made a table of."""

from __future__ import annotations

import copy
import dataclasses
import math
import multiprocessing
import pickle
import subprocess
import sys
import weakref
from typing import TYPE_CHECKING, Any

import aiperf_cpp as ap
import numpy as np
import pandas as pd
import pytest
from api_support import SHORT, hide, options
from command_support import Mock, answer, chat_script

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GOOD, BAD = 4, 2


@pytest.fixture(scope="module")
def result(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ap.Result]:
    """Three answers out of which the third is a refusal, twice; a warm-up before them."""
    folder = tmp_path_factory.mktemp("result")
    refusal = {"status": 503, "text": "try again", "headers": {"Content-Type": "text/plain"}}
    server = Mock(program, folder / "mock", chat_script(answer(), answer(), refusal), ())
    try:
        yield ap.profile(
            **options(server, folder / "run", request_count=6, warmup_request_count=3, api_key="sk-1", concurrency=1)
        )
    finally:
        server.stop()


@pytest.fixture(scope="module")
def unpickled(result: ap.Result) -> ap.Result:
    other: ap.Result = pickle.loads(pickle.dumps(result))
    return other


def test_a_result_cannot_be_changed(result: ap.Result) -> None:
    for name in ("status", "valid", "records", "anything"):
        with pytest.raises(AttributeError, match="cannot be changed"):
            setattr(result, name, None)
        with pytest.raises(AttributeError, match="cannot be changed"):
            delattr(result, name)
    metric = result["request_latency"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        metric.avg = 0.0  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.errors[0].count = 0  # type: ignore[misc]
    for container in (result.errors, result.artifacts):
        container.clear()
    assert len(result.errors) == 1
    assert result.artifacts
    assert weakref.ref(result)() is result


def test_a_copy_of_what_cannot_change_is_itself(result: ap.Result) -> None:
    assert copy.copy(result) is result
    assert copy.deepcopy(result) is result
    assert copy.deepcopy(result["request_latency"]) == result["request_latency"]


def test_an_unpickled_result_has_the_same_numbers_texts_and_records(result: ap.Result, unpickled: ap.Result) -> None:
    for name in ("status", "error", "error_type", "exit_code", "benchmark_id", "valid", "failed", "errors", "metrics"):
        assert getattr(unpickled, name) == getattr(result, name), name
    assert (unpickled.artifact_directory, unpickled.artifacts) == (result.artifact_directory, result.artifacts)
    assert list(unpickled) == list(result)
    assert unpickled["time_to_first_token"] == result["time_to_first_token"]
    np.testing.assert_array_equal(unpickled.records, result.records)
    assert unpickled.records.dtype == result.records.dtype
    assert not unpickled.records.flags.writeable
    assert not np.shares_memory(unpickled.records, result.records)
    slots = range(-len(result.records), len(result.records))
    assert [unpickled.error_text(slot) for slot in slots] == [result.error_text(slot) for slot in slots]
    assert unpickled._repr_html_() == result._repr_html_()
    pd.testing.assert_frame_equal(unpickled.to_pandas(), result.to_pandas())


def test_a_pickle_of_a_pickle_is_the_same(unpickled: ap.Result) -> None:
    again = pickle.loads(pickle.dumps(unpickled))
    assert again.metrics == unpickled.metrics
    np.testing.assert_array_equal(again.records, unpickled.records)


def test_a_pickle_holds_no_key(result: ap.Result, unpickled: ap.Result) -> None:
    assert result.config.api_key == "sk-1"
    assert unpickled.config.api_key == "<redacted>"
    assert unpickled.config.replace(api_key=None) == result.config.replace(api_key=None)
    assert b"sk-1" not in pickle.dumps(result)


def test_an_unpickled_result_says_what_it_has_not(unpickled: ap.Result) -> None:
    for ask in (unpickled.output_text, unpickled.reasoning_text, unpickled.events):
        with pytest.raises(ValueError, match="a pickled result has none"):
            ask(0)
    with pytest.raises(IndexError, match="record 9 of 9"):
        unpickled.error_text(9)


def test_an_unpickled_result_prints_its_numbers(unpickled: ap.Result) -> None:
    lines = str(unpickled).splitlines()
    assert lines[0] == f"complete: {GOOD} good answers, {BAD} failed"
    assert lines[1].split() == ["Metric", "avg", "min", "max", "p99", "p90", "p50", "std"]
    assert any(line.strip().startswith("Time to First Token (ms)") for line in lines)
    assert lines[-1].startswith("2 x Service Unavailable: ")


def test_the_pickle_costs_what_the_documentation_says(result: ap.Result) -> None:
    records = len(result.records)
    columns = result.to_pandas().shape[1]
    assert 192 * records < len(pickle.dumps(result)) < (192 + 8 * columns) * records + 40_000


def read_back(blob: bytes) -> tuple[int, float]:
    """In another process."""
    result = pickle.loads(blob)
    return result.valid, result["request_latency"].avg


def test_a_result_crosses_to_another_process(result: ap.Result) -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(read_back, (pickle.dumps(result),)) == (GOOD, result["request_latency"].avg)


@pytest.mark.parametrize("kind", [ap.ConfigError, ap.RunError, ap.ProcessError])
def test_an_error_keeps_its_parts_in_a_pickle(kind: type[Exception], result: ap.Result) -> None:
    error: Any = kind("what went wrong")
    error.field, error.errno, error.result = "concurrency", 2, result
    other = pickle.loads(pickle.dumps(error))
    assert (type(other), str(other), other.field, other.errno) == (kind, "what went wrong", "concurrency", 2)
    assert other.result.valid == GOOD


def test_settings_are_copied_and_pickled(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "AIPERF_HTTP_SO_RCVBUF"
    fixed = ap.Settings.from_mapping({name: "65536"})
    for other in (copy.copy(fixed), copy.deepcopy(fixed), pickle.loads(pickle.dumps(fixed))):
        assert other.http.so_rcvbuf == 65536
    monkeypatch.setenv(name, "4096")
    for other in (copy.copy(ap.settings), copy.deepcopy(ap.settings), pickle.loads(pickle.dumps(ap.settings))):
        assert other.http.so_rcvbuf == 4096
        monkeypatch.setenv(name, "8192")
        assert other.http.so_rcvbuf == 8192
        monkeypatch.setenv(name, "4096")
    setting = next(iter(fixed))
    assert pickle.loads(pickle.dumps(setting)) == copy.copy(setting) == setting
    group = pickle.loads(pickle.dumps(copy.deepcopy(fixed.http)))
    assert group.so_rcvbuf == 65536


def test_the_table_has_a_row_per_record_with_units(result: ap.Result) -> None:
    frame = result.to_pandas()
    assert frame.index.name == "slot"
    assert frame.index.tolist() == list(range(9))  # the warm-up's three first
    assert frame["phase"].tolist() == [0] * 3 + [1] * 6
    records = result.records
    for name in set(records.dtype.names or ()) & set(frame.columns) - {"usage_prompt_tokens"}:
        if frame[name].dtype == records.dtype[name]:
            assert frame[name].tolist() == records[name].tolist(), name
    unnamed = [name for name in frame.columns if name not in (records.dtype.names or ()) and "_" not in name]
    assert unnamed == []
    assert {"time_to_first_token_ms", "request_latency_ms", "output_sequence_length_tokens"} <= set(frame.columns)


def test_the_table_agrees_with_records_and_metrics(result: ap.Result) -> None:
    frame = result.to_pandas()
    good = frame[(frame["phase"] == 1) & (frame["error"] == 0)]
    assert len(good) == GOOD
    first = (good["first_content_ns"] - good["send_start_ns"]) / 1e6
    np.testing.assert_allclose(good["time_to_first_token_ms"], first, rtol=1e-12)
    for tag in ("time_to_first_token", "request_latency", "inter_token_latency"):
        metric, column = result[tag], good[f"{tag}_ms"]
        assert metric.unit == "ms"
        np.testing.assert_allclose([column.mean(), column.max()], [metric.avg, metric.max or 0.0], rtol=1e-12)
    bad = frame[frame["error"] != 0]
    assert bad["time_to_first_token_ms"].isna().all()
    assert bad["error_text"].str.endswith("\ntry again").all()
    assert (good["error_text"] == "").all()


def test_arrow_and_polars_have_the_same_table_with_nulls(result: ap.Result) -> None:
    frame = result.to_pandas()
    table, polars = result.to_arrow(), result.to_polars()
    assert table.column_names == polars.columns == ["slot", *frame.columns]
    for name in frame.columns:
        wanted = [None if isinstance(value, float) and math.isnan(value) else value for value in frame[name].tolist()]
        assert table[name].to_pylist() == wanted, name
        assert polars[name].to_list() == wanted, name
    assert str(table.schema.field("planned_ns").type) == "int64"
    assert [str(polars.schema[name]) for name in ("time_to_first_token_ms", "error_text")] == ["Float64", "String"]


@pytest.mark.parametrize(
    ("method", "module", "extra"),
    [("to_pandas", "pandas", "pandas"), ("to_arrow", "pyarrow", "arrow"), ("to_polars", "polars", "polars")],
)
def test_what_is_not_installed_is_named_with_how_to_install_it(
    method: str, module: str, extra: str, result: ap.Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide(monkeypatch, module)
    with pytest.raises(ImportError, match=rf'{module} is not installed; pip install "aiperf-cpp\[{extra}\]"') as caught:
        getattr(result, method)()
    assert caught.value.name == module


def test_importing_the_package_imports_none_of_them() -> None:
    script = "import sys, aiperf_cpp; print(sorted({'pandas', 'pyarrow', 'polars', 'yaml'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_run_without_records_has_no_table(program: Path, tmp_path: Path) -> None:
    server = Mock(program, tmp_path / "mock", None, SHORT)
    try:
        run = ap.Run(**options(server, tmp_path / "run", request_count=3))
        run.cancel()
        result = run.start().result()
    finally:
        server.stop()
    assert len(result.to_pandas()) == 0
    assert len(pickle.loads(pickle.dumps(result)).to_pandas()) == 0
    assert (result.to_arrow().num_rows, result.to_polars().height) == (0, 0)
