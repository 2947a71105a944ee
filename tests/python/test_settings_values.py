"""Bad values of the settings that rule a run's end: refused before anything starts, in one line that says all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiperf_cpp as ap
import pytest
from command_support import chat_script

if TYPE_CHECKING:
    from conftest import Command, MockFactory

GRACE = "AIPERF_API_SERVER_POST_COMPLETE_GRACE"
GROUPS = {"api_server", "service", "stop", "timing", "worker"}
#: Variable, a value it does not take, what it takes.
BAD = [
    *((GRACE, value, ("0", "300")) for value in ("-0.1", "300.1", "nan", "inf", "five", "abc", "")),
    ("AIPERF_API_SERVER_PORT", "0", ("1", "65535")),
    ("AIPERF_API_SERVER_PORT", "65536", ("1", "65535")),
    ("AIPERF_API_SERVER_HOST", "", ("text",)),
    ("AIPERF_API_SERVER_SHUTDOWN_TIMEOUT", "0.5", ("1", "300")),
    ("AIPERF_API_SERVER_SHUTDOWN_RESPONSE_DELAY_SECONDS", "60.5", ("0", "60")),
    ("AIPERF_API_SERVER_POST_COMPLETE_ACK", "perhaps", ("true", "false")),
    ("AIPERF_API_SERVER_POST_COMPLETE_GRACE_MAX", "3601", ("0", "3600")),
    ("AIPERF_API_SERVER_AUTH", "basic", ("token", "none")),
    ("AIPERF_API_SERVER_TOKEN", "", ("text",)),
    ("AIPERF_API_SERVER_CORS_ORIGINS", "https://a.example", ("JSON list",)),
    ("AIPERF_API_SERVER_TLS_CERT", "", ("text",)),
    ("AIPERF_API_SERVER_TLS_KEY", "", ("text",)),
    ("AIPERF_API_SERVER_WEBSOCKET_MAX_CONNECTIONS", "0", ("1", "100000")),
    ("AIPERF_SERVICE_REGISTRATION_TIMEOUT", "0", ("1", "100000")),
    ("AIPERF_SERVICE_TASK_CANCEL_TIMEOUT_SHORT", "nan", ("1", "100000")),
    ("AIPERF_STOP_TIMEOUT", "never", ("1", "3600")),
    ("AIPERF_TIMING_CANCEL_DRAIN_TIMEOUT", "301", ("1", "300")),
    ("AIPERF_WORKER_CPU_UTILIZATION_FACTOR", "1.01", ("0.1", "1")),
    ("AIPERF_WORKER_MAX_WORKERS_CAP", "1.5", ("1", "10000")),
    ("AIPERF_WORKER_SPIN_US", "10001", ("0", "10000")),
    ("AIPERF_WORKER_STALE_TIME", "-10", ("0.1", "1000")),
]


@pytest.mark.parametrize(("name", "value", "allowed"), BAD)
def test_a_bad_value_is_refused_before_anything_starts(
    name: str, value: str, allowed: tuple[str, ...], command: Command, mock: MockFactory
) -> None:
    server = mock(chat_script())
    finished = command.profile(server.url, env={name: value})
    assert finished.exit_code == 2
    (line,) = finished.error_lines
    said = line.split("is not allowed")
    assert name in said[0]
    assert (f"'{value}'" if value else "(empty)") in said[0]
    for word in allowed:
        assert word in said[1]
    assert server.stop() == []
    assert not command.artifacts.directory.exists()


def test_every_variable_of_these_groups_has_such_a_value_above() -> None:
    names = {setting.name for setting in ap.Settings({}) if setting.group in GROUPS}
    assert {name for name, _, _ in BAD} == names


@pytest.mark.parametrize("value", ["0", "300", "0.25"])
def test_the_ends_of_the_range_are_allowed(value: str, command: Command, mock: MockFactory) -> None:
    finished = command.profile(mock(chat_script()).url, "--request-count", "2", env={GRACE: value})
    assert finished.exit_code == 0


@pytest.mark.parametrize(("value", "seconds"), [("0", 0.0), ("300", 300.0), ("0.25", 0.25), (None, 5.0)])
def test_the_grace_is_read_from_the_process_and_from_a_given_mapping(
    value: str | None, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {} if value is None else {GRACE: value}
    assert ap.Settings.from_mapping(given).api_server.post_complete_grace == seconds
    assert ap.Settings(given).api_server.post_complete_grace == seconds
    monkeypatch.delenv(GRACE, raising=False)
    for name, text in given.items():
        monkeypatch.setenv(name, text)
    assert ap.settings.api_server.post_complete_grace == seconds


@pytest.mark.parametrize(("name", "value", "allowed"), BAD)
def test_a_bad_value_is_an_error_in_python_that_names_it(
    name: str, value: str, allowed: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ap.ConfigError, match=name) as given:
        ap.Settings.from_mapping({name: value})
    monkeypatch.setenv(name, value)
    with pytest.raises(ap.ConfigError, match=name) as found:
        _ = ap.settings.api_server.post_complete_grace
    for error in (given, found):
        assert all(word in str(error.value) for word in allowed)
