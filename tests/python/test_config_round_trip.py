"""Any RunConfig survives every way out and back: dict, JSON, files, pickle."""

from __future__ import annotations

import copy
import json
import math
import pickle
from typing import TYPE_CHECKING, Any

import aiperf_cpp as ap
import pytest
import yaml
from aiperf_cpp import _core
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from pathlib import Path

#: No deadline: the machine may be busy. Derandomized: a run is the same everywhere.
PROFILE = settings(deadline=None, derandomize=True, database=None)

OPTIONS = {option["key"]: option for option in _core.options()}

#: Any character but control characters and halves of surrogate pairs.
TEXT = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20)
NAME = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,10}", fullmatch=True)
URL = st.builds("http://{}:{}/{}".format, NAME, st.integers(1, 65535), NAME)
JSON_VALUE = (
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT
)

# Within the upper limit that each of these has, which `allowed` does not say.
COUNT = st.integers(1, 10_000)
POSITIVE = st.floats(0, 10_000, exclude_min=True)
NOT_NEGATIVE = st.floats(0, 10_000)

#: What an option takes, by what it says is allowed.
BY_ALLOWED: dict[str, st.SearchStrategy[Any]] = {
    "true or false": st.booleans(),
    "an integer >= 1": COUNT,
    "an integer >= 0": st.integers(0, 2**64 - 1),
    "an integer from 1 to 10000": st.integers(1, 10000),
    "an integer from 0 to 10000": st.integers(0, 10000),
    "an integer from 0 to 65535": st.integers(0, 65535),
    "a number from 0 to 1": st.floats(0, 1),
    "a number > 0": POSITIVE,
    "a number >= 0": NOT_NEGATIVE,
    "a number >= 0, or inf": NOT_NEGATIVE | st.just(math.inf),
    "a text without control characters": TEXT,
    "a text without control characters, or an empty one": TEXT | st.just(""),
    "a header name": NAME,
    "'Name:Value'": st.lists(st.tuples(NAME, TEXT), max_size=3),
    "'key:value' or a JSON object": st.lists(st.dictionaries(TEXT, JSON_VALUE, max_size=3), max_size=3),
    "an IPv4 or IPv6 address": st.lists(st.ip_addresses().map(str), max_size=3),
    "an integer from 0 to 20": st.integers(0, 20),
    "[http[s]://]HOST[:PORT][/PATH] or unix:///PATH": st.lists(URL, min_size=1, max_size=3),
}


def values_of(key: str) -> st.SearchStrategy[Any]:
    option = OPTIONS[key]
    if option["type"] == "choice":
        return st.sampled_from(option["choices"].split(", "))
    strategy = BY_ALLOWED[option["allowed"]]
    if key == "model_names":
        # A comma sets two names apart.
        return st.lists(strategy.filter(lambda text: "," not in text), min_size=1, max_size=3)
    return strategy


GIVEN = st.fixed_dictionaries({}, optional={key: values_of(key) for key in OPTIONS})


@PROFILE
@given(GIVEN)
def test_a_config_comes_back_from_its_dict(options: dict[str, Any]) -> None:
    config = ap.RunConfig(**options)
    shown = config.to_dict(show_secrets=True)
    assert shown.keys() == OPTIONS.keys()
    assert ap.RunConfig(**shown) == config
    assert ap.RunConfig(**shown).to_dict(show_secrets=True) == shown


@PROFILE
@given(GIVEN)
def test_what_was_given_is_what_is_read(options: dict[str, Any]) -> None:
    config = ap.RunConfig(**options)
    for name, value in options.items():
        got = getattr(config, name)
        if name == "headers":
            assert got == [list(pair) for pair in value]
        elif name == "extra_inputs":
            assert [json.loads(text) for text in got] == value
        else:
            assert got == value, name
    untouched = OPTIONS.keys() - options.keys()
    defaults = ap.RunConfig()
    assert {name: getattr(config, name) for name in untouched} == {name: getattr(defaults, name) for name in untouched}


@PROFILE
@given(GIVEN)
def test_a_config_comes_back_from_json(options: dict[str, Any]) -> None:
    config = ap.RunConfig(**options)
    assert ap.RunConfig.from_json(config.to_json(show_secrets=True)) == config


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("configs")


@PROFILE
@given(options=GIVEN)
def test_a_config_comes_back_from_files(folder: Path, options: dict[str, Any]) -> None:
    config = ap.RunConfig(**options)
    (folder / "run.json").write_text(config.to_json(show_secrets=True), encoding="utf-8")
    assert ap.RunConfig.from_file(folder / "run.json") == config
    plain = config.to_dict(show_secrets=True)
    (folder / "run.yaml").write_text(yaml.safe_dump(plain, allow_unicode=True), encoding="utf-8")
    assert ap.RunConfig.from_file(folder / "run.yaml") == config


@PROFILE
@given(GIVEN)
def test_a_config_comes_back_from_pickle_and_copy(options: dict[str, Any]) -> None:
    config = ap.RunConfig(**options)
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(config, protocol)) == config
    assert copy.copy(config) == copy.deepcopy(config) == config


@PROFILE
@given(GIVEN, GIVEN)
def test_replacing_is_the_same_as_giving(options: dict[str, Any], changes: dict[str, Any]) -> None:
    config = ap.RunConfig(**options)
    assert config.replace(**changes) == ap.RunConfig(**(options | changes))
    assert config == ap.RunConfig(**options)
    assert config.replace(**dict.fromkeys(options)) == ap.RunConfig()


@PROFILE
@given(GIVEN)
def test_no_key_is_shown_unless_asked_for(options: dict[str, Any]) -> None:
    config = ap.RunConfig(**(options | {"api_key": "sk-a-secret", "headers": {"Authorization": "Bearer sk-a-secret"}}))
    assert "sk-a-secret" not in config.to_json() + repr(config) + repr(config.to_dict())


@pytest.mark.parametrize(
    "options", [{"api_key": "sk-1"}, {"headers": {"Authorization": "Bearer t"}}], ids=["key", "header"]
)
def test_a_redacted_config_is_not_taken_for_a_whole_one(options: dict[str, Any]) -> None:
    with pytest.raises(ap.ConfigError, match="<redacted> stands in place of the secret"):
        ap.RunConfig(**ap.RunConfig(**options).to_dict())


def test_infinity_is_a_number_on_every_way() -> None:
    config = ap.RunConfig(benchmark_grace_period=math.inf)
    assert pickle.loads(pickle.dumps(config)).benchmark_grace_period == math.inf
    assert ap.RunConfig(**config.to_dict()).benchmark_grace_period == math.inf
