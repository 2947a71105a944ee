"""RunConfig.from_file: JSON and YAML, and what is refused."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import aiperf_cpp as ap
import pytest
from api_support import hide

if TYPE_CHECKING:
    from pathlib import Path

WANTED = ap.RunConfig(
    model="m",
    url="h:1",
    streaming=True,
    concurrency=4,
    benchmark_grace_period=math.inf,
    headers={"A": "b"},
    extra_inputs={"temperature": 0.5},
)

FILES = {
    "run.json": """{"model": "m", "url": "h:1", "streaming": true, "concurrency": 4, "benchmark_grace_period": "inf",
        "header": {"A": "b"}, "extra_inputs": {"temperature": 0.5}}""",
    "run.yaml": """
# a comment
model: m
url: h:1
streaming: true
concurrency: 4
benchmark_grace_period: .inf
headers: {A: b}
extra_inputs:
  temperature: 0.5
""",
    "run.YML": """
model: [m]
url: ["h:1"]
streaming: yes
concurrency: 4
benchmark_grace_period: inf
header: ["A:b"]
extra_inputs: {<<: {temperature: 0.5}}
""",
}


def write(directory: Path, name: str, text: str | bytes) -> Path:
    path = directory / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize("name", FILES)
def test_a_file_has_names_and_values_as_keywords_do(name: str, tmp_path: Path) -> None:
    assert ap.RunConfig.from_file(write(tmp_path, name, FILES[name])) == WANTED
    assert ap.RunConfig.from_file(str(tmp_path / name)) == WANTED


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("run.json", '{"concurency": 1}', "concurency.*did you mean concurrency"),
        ("run.yaml", "concurency: 1", "concurency.*did you mean concurrency"),
        ("run.yaml", "concurrency: 0", "concurrency: '0' is not allowed; an integer >= 1"),
        ("run.json", '{"model": "a", "model_names": ["b"]}', "model and model_names are the same option"),
        ("run.json", '{"model": "a", "model": "b"}', "model: given twice"),
        ("run.yaml", "model: a\nmodel: b\n", "model: given twice"),
        ("run.json", '{"api_key": "<redacted>"}', "api_key: <redacted> stands in place of the secret"),
        ("run.json", "[1]", "names of options with their values are needed"),
        ("run.yaml", "just a text", "names of options with their values are needed"),
        ("run.yaml", "", "names of options with their values are needed"),
        ("run.yaml", "1: 2", "names of options with their values are needed"),
        ("run.json", "{", "Expecting property name"),
        ("run.yaml", "model: [", "not YAML"),
        ("run.yaml", "model: !!python/object/apply:os.getcwd []", "not YAML"),
        ("run.yaml", "model: 2026-01-01", "model: datetime.date.* is not allowed; a date has no meaning here"),
        ("run.yaml", "extra_inputs: &a {b: *a}", "extra_inputs"),
        ("run.json", b'{"model": "\xff"}', "codec can't decode"),
        ("run.json", "[" * 100000, "recursion"),
        ("run.toml", "model = 'm'", r"a name ending with \.json, \.yaml, \.yml is needed"),
    ],
)
def test_what_is_refused_is_named_with_its_file(name: str, text: str | bytes, message: str, tmp_path: Path) -> None:
    path = write(tmp_path, name, text)
    with pytest.raises(ap.ConfigError, match=message) as caught:
        ap.RunConfig.from_file(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_refusal_keeps_its_parts(tmp_path: Path) -> None:
    with pytest.raises(ap.ConfigError) as caught:
        ap.RunConfig.from_file(write(tmp_path, "run.json", '{"concurrency": -1}'))
    assert (caught.value.field, caught.value.value, caught.value.allowed) == ("concurrency", "-1", "an integer >= 1")


def test_a_file_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        ap.RunConfig.from_file(tmp_path / "run.json")


def test_without_pyyaml_yaml_is_refused_with_what_to_install_and_json_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide(monkeypatch, "yaml")
    with pytest.raises(ImportError, match=r'yaml is not installed; pip install "aiperf-cpp\[yaml\]"'):
        ap.RunConfig.from_file(write(tmp_path, "run.yaml", FILES["run.yaml"]))
    assert ap.RunConfig.from_file(write(tmp_path, "run.json", FILES["run.json"])) == WANTED
