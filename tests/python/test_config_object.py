"""ap.RunConfig and ap.settings: what may be given, what is refused, what is got back."""

from __future__ import annotations

import enum
import json
import math
from pathlib import Path

import aiperf_cpp as ap
import numpy as np
import pytest


class Api(enum.Enum):
    CHAT = "chat"
    COMPLETIONS = "completions"


def test_options_are_named_as_flags_or_fields() -> None:
    by_flag = ap.RunConfig(model="m", url="h:1", isl=7, header={"A": "b"})
    by_field = ap.RunConfig(model_names=["m"], urls=["h:1"], isl_mean=7, headers=["A:b"])
    assert by_flag == by_field
    assert (by_flag.model_names, by_flag.urls, by_flag.isl_mean) == (["m"], ["h:1"], 7)
    assert by_flag.headers == [["A", "b"]]


def test_values_of_other_types_mean_what_they_say() -> None:
    config = ap.RunConfig(
        artifact_directory=Path("a") / "b",
        endpoint_type=Api.COMPLETIONS,  # type: ignore[arg-type]
        concurrency=np.int64(4),  # type: ignore[arg-type]
        request_rate=np.float32(2.5),  # type: ignore[arg-type]
        benchmark_grace_period=math.inf,
        extra_inputs={"temperature": 0.5},
    )
    assert config.artifact_directory == "a/b"
    assert config.endpoint_type == "completions"
    assert (config.concurrency, config.request_rate) == (4, 2.5)
    assert config.benchmark_grace_period == math.inf
    assert json.loads(config.extra_inputs[0]) == {"temperature": 0.5}


def test_none_means_the_default() -> None:
    config = ap.RunConfig(model="m", concurrency=4)
    assert config.replace(concurrency=None) == ap.RunConfig(model="m", concurrency=None) == ap.RunConfig(model="m")
    assert ap.RunConfig().concurrency is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"modle": "m"}, "modle.*did you mean model"),
        ({"concurency": 1}, "concurency.*did you mean concurrency"),
        ({"concurrency": 0}, "concurrency: '0' is not allowed; an integer >= 1"),
        ({"concurrency": 1.5}, "concurrency: '1.5' is not allowed; an integer >= 1"),
        ({"concurrency": True}, "concurrency: 'true' is not allowed; an integer >= 1"),
        ({"request_rate": math.nan}, "request_rate: .*nan.* is not allowed; a number > 0"),
        ({"extra_inputs": {"top_p": math.inf}}, "extra_inputs: {'top_p': inf} is not allowed; Out of range float"),
        ({"endpoint_type": "chatt"}, "endpoint_type: .*chatt.* is not allowed; one of chat, completions"),
        ({"url": "ftp://x"}, "url: .*ftp://x.* is not allowed"),
        ({"model": object()}, "model: <object .*> is not allowed; a object has no meaning here"),
        ({"model": "a", "model_names": ["b"]}, "model and model_names are the same option"),
    ],
)
def test_what_is_refused_is_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(ap.ConfigError, match=message):
        ap.RunConfig(**options)  # type: ignore[arg-type]


def test_a_refusal_is_a_value_error_with_its_parts() -> None:
    with pytest.raises(ValueError, match="concurrency") as caught:
        ap.RunConfig(concurrency=-1)
    assert isinstance(caught.value, ap.ConfigError)
    assert (caught.value.field, caught.value.value) == ("concurrency", "-1")
    assert caught.value.allowed == "an integer >= 1"


def test_a_missing_model_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(ap.ConfigError, match="model-names"):
        ap.profile(url="127.0.0.1:1", artifact_directory=tmp_path / "run")
    with pytest.raises(ap.ConfigError, match="model-names"):
        ap.RunConfig(url="127.0.0.1:1").validate()
    assert list(tmp_path.iterdir()) == []


def test_a_bad_setting_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(ap.ConfigError, match="AIPERF_HTTP_SO_RCVBUF: 'much' is not allowed"):
        ap.Run(
            url="127.0.0.1:1",
            model="m",
            use_server_token_count=True,
            artifact_directory=tmp_path / "run",
            environment={"AIPERF_HTTP_SO_RCVBUF": "much"},
        )
    assert list(tmp_path.iterdir()) == []


def test_a_config_cannot_be_changed() -> None:
    config = ap.RunConfig(model="m")
    with pytest.raises(AttributeError, match=r"config\.replace\(concurrency=\.\.\.\)"):
        config.concurrency = 3  # type: ignore[misc]
    changed = config.replace(concurrency=3)
    assert (config.concurrency, changed.concurrency) == (None, 3)
    assert config != changed
    with pytest.raises(TypeError, match="unhashable"):
        hash(config)


def test_a_config_survives_json_but_its_secrets_do_not_unless_asked_for() -> None:
    config = ap.RunConfig(
        model="m", api_key="sk-1", headers={"Authorization": "Bearer t", "A": "b"}, benchmark_grace_period=math.inf
    )
    assert "sk-1" not in repr(config) + config.to_json()
    assert "Bearer t" not in repr(config) + config.to_json()
    assert config.to_dict()["api_key"] == "<redacted>"
    assert config.to_dict()["benchmark_grace_period"] == math.inf
    assert ap.RunConfig.from_json(config.to_json(show_secrets=True)) == config
    assert repr(ap.RunConfig(model="m", concurrency=2)) == "RunConfig(model_names=['m'], concurrency=2)"


def test_settings_are_read_at_each_access(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIPERF_HTTP_SO_RCVBUF", raising=False)
    assert ap.settings.http.so_rcvbuf == 10485760
    monkeypatch.setenv("AIPERF_HTTP_SO_RCVBUF", "65536")
    assert ap.settings.http.so_rcvbuf == 65536
    setting = next(setting for setting in ap.settings if setting.name == "AIPERF_HTTP_SO_RCVBUF")
    assert (setting.value, setting.default, setting.from_environment) == (65536, 10485760, True)
    assert "AIPERF_HTTP_SO_RCVBUF" in ap.settings._repr_html_()


def test_settings_of_a_mapping_do_not_look_at_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIPERF_HTTP_SO_RCVBUF", "65536")
    settings = ap.Settings.from_mapping({"AIPERF_HTTP_SO_SNDBUF": "4096"})
    assert (settings.http.so_rcvbuf, settings.http.so_sndbuf) == (10485760, 4096)


def test_bad_and_unknown_settings_are_named() -> None:
    with pytest.raises(ap.ConfigError, match="AIPERF_HTTP_SO_RCVBUF: 'much' is not allowed; an integer from"):
        ap.Settings.from_mapping({"AIPERF_HTTP_SO_RCVBUF": "much"})
    (warning,) = ap.Settings.from_mapping({"AIPERF_HTTP_SO_RCVBUFF": "1"}).warnings()
    assert "did you mean AIPERF_HTTP_SO_RCVBUF" in warning
    with pytest.raises(AttributeError, match="no settings 'htp'; there are http"):
        _ = ap.settings.htp
    with pytest.raises(AttributeError, match=r"settings\.http has no 'rcvbuf'"):
        _ = ap.settings.http.rcvbuf


def test_the_grace_of_the_results_server_is_read_and_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "AIPERF_API_SERVER_POST_COMPLETE_GRACE"
    monkeypatch.delenv(name, raising=False)
    assert ap.settings.api_server.post_complete_grace == 5.0
    monkeypatch.setenv(name, "0.25")
    assert ap.settings.api_server.post_complete_grace == 0.25
    assert ap.Settings.from_mapping({name: "300"}).api_server.post_complete_grace == 300.0
    for text in ("-0.1", "300.1", "nan", "inf", "five", ""):
        with pytest.raises(ap.ConfigError, match=f"{name}: .* is not allowed; a number from 0 to 300"):
            ap.Settings.from_mapping({name: text})
