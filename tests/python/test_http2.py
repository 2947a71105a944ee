"""Runs over HTTP/2, against nginx and nghttpx in front of the mock, compared with HTTP/1.1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from command_support import answer, chat_script
from transport_support import Authority, Door, Gateway, TlsDoor, nghttpx, nginx

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from command_support import Mock
    from conftest import Command, MockFactory

REQUESTS = 40
# apart in time: tokens that come in one read have no time between them, and no rate
GENERATED = ("--output-tokens", "12", "--usage", "always", "--itl-ms", "2")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


class Front:
    """Gateways in front of a mock server, with certificates where they speak TLS."""

    def __init__(self, mock: MockFactory, authority: Authority, directory: Path) -> None:
        self.mock = mock
        self.authority = authority
        self.certificate = authority.sign("server", "DNS:localhost,IP:127.0.0.1")
        self.directory = directory
        self.gateways: list[Gateway] = []

    def nginx(self, behind: Mock, streams: int = 128) -> str:
        """The URL of an nginx."""
        self.gateways.append(nginx(self.directory / "nginx", behind.port, self.certificate, streams))
        return f"https://localhost:{self.gateways[-1].port}"

    def nghttpx(self, behind: Mock, *, tls: bool = False) -> str:
        """The URL of an nghttpx."""
        folder = self.directory / f"nghttpx{len(self.gateways)}"
        self.gateways.append(nghttpx(folder, behind.port, self.certificate if tls else None))
        return f"{'https' if tls else 'http'}://127.0.0.1:{self.gateways[-1].port}"

    def flags(self, version: str, *more: str, count: int = REQUESTS) -> list[str]:
        """Of a run through it."""
        known = ["--tls-ca-file", str(self.authority.certificate)]
        return ["--request-count", str(count), "--concurrency", "8", "--http-version", version, *known, *more]


@pytest.fixture
def front(mock: MockFactory, authority: Authority, tmp_path: Path) -> Iterator[Front]:
    made = Front(mock, authority, tmp_path)
    yield made
    for gateway in made.gateways:
        gateway.stop()


def shape(command: Command) -> dict[str, Any]:
    """What must not depend on the version of HTTP."""
    records = command.artifacts.records()
    assert all("error" not in record for record in records), records[0]
    own = {"read_lag"}  # the kernel's stamps are read on plain HTTP/1.1 alone
    counts = ("output_sequence_length", "input_sequence_length", "output_token_count", "usage_completion_tokens")
    return {
        "records": len(records),
        "keys": sorted({key for record in records for key in record["metrics"]} - own),
        "counts": [sorted(record["metrics"][name]["value"] for record in records) for name in counts],
        "summary": sorted(command.artifacts.summary().keys() - own),
        "files": sorted(path.name for path in command.artifacts.directory.iterdir()),
    }


@pytest.mark.parametrize("way", [["thread", "1"], ["thread", "3"], ["process", "3"]], ids=" ".join)
def test_nginx_gives_the_same_over_both_versions(command: Command, front: Front, way: list[str]) -> None:
    url = front.nginx(front.mock(flags=GENERATED))
    shapes = []
    for version in ("1.1", "2", "auto"):
        done = command.profile(url, *front.flags(version, "--backend", way[0], "--workers-max", way[1]))
        assert done.exit_code == 0, done.stderr
        shapes.append(shape(command))
    assert shapes[0] == shapes[1] == shapes[2]
    log = (front.directory / "nginx" / "access.log").read_text()
    assert log.count('HTTP/2.0" 200') == 2 * REQUESTS
    assert log.count('HTTP/1.1" 200') == REQUESTS


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_nghttpx_gives_the_same_over_both_versions(command: Command, front: Front, tls: bool) -> None:
    url = front.nghttpx(front.mock(flags=GENERATED), tls=tls)
    shapes = []
    for version in ("1.1", "2"):
        done = command.profile(url, *front.flags(version, "--workers-max", "3"))
        assert done.exit_code == 0, done.stderr
        shapes.append(shape(command))
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize(("flag", "connections"), [(8, 1), (3, 3), (1, 8)])
def test_requests_share_connections_up_to_the_limit(
    command: Command, front: Front, flag: int, connections: int
) -> None:
    url = front.nghttpx(front.mock(chat_script(answer(first_ms=20))))
    door = Door(("127.0.0.1", front.gateways[0].port))
    try:
        more = ["--workers-max", "1", "--streams-per-connection", str(flag)]
        done = command.profile(url.replace(str(front.gateways[0].port), str(door.port)), *front.flags("2", *more))
    finally:
        door.stop()
    assert done.exit_code == 0, done.stderr
    assert shape(command)["records"] == REQUESTS
    assert door.connections == 1 + connections  # with the probe's


def test_a_servers_own_limit_opens_more_connections(command: Command, front: Front) -> None:
    url = front.nginx(front.mock(chat_script(answer(first_ms=20))), streams=3)
    done = command.profile(url, *front.flags("2", "--workers-max", "1"))
    assert done.exit_code == 0, done.stderr
    assert shape(command)["records"] == REQUESTS
    assert all("retried" not in str(record) for record in command.artifacts.records())


def test_without_reuse_each_request_has_a_connection_of_its_own(command: Command, front: Front) -> None:
    url = front.nghttpx(front.mock(chat_script(answer())))
    door = Door(("127.0.0.1", front.gateways[0].port))
    try:
        more = ["--connection-reuse-strategy", "never"]
        done = command.profile(url.replace(str(front.gateways[0].port), str(door.port)), *front.flags("2", *more))
    finally:
        door.stop()
    assert done.exit_code == 0, done.stderr
    assert shape(command)["records"] == REQUESTS
    assert door.connections == 1 + REQUESTS


def test_a_large_body_goes_through_the_servers_flow_control(command: Command, front: Front) -> None:
    server = front.mock(chat_script(answer()))
    url = front.nghttpx(server)
    done = command.profile(url, *front.flags("2", "--extra-inputs", "pad:" + "x" * 90_000, count=12))
    assert done.exit_code == 0, done.stderr
    assert [len(str(request["body"])) > 90_000 for request in server.requests()] == [True] * 12


def test_statuses_and_time_outs_are_told_as_over_the_other_version(command: Command, front: Front) -> None:
    url = front.nghttpx(front.mock(flags=(*GENERATED, "--error-rate", "1", "--error-status", "503")))
    errors = []
    for version in ("1.1", "2"):
        done = command.profile(url, *front.flags(version, count=6))
        assert done.exit_code == 1
        errors.append([record["error"] for record in command.artifacts.records()])
        assert len(errors[-1]) == 6
    assert errors[0] == errors[1]
    assert errors[1][0]["code"] == 503
    slow = front.nghttpx(front.mock(chat_script(answer(first_ms=60_000))))
    command.profile(slow, *front.flags("2", "--request-timeout-seconds", "0.3", count=8))
    records = command.artifacts.records()
    assert [record["error"]["type"] for record in records] == ["TimeoutError"] * 8


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_the_model_is_waited_for_over_it(command: Command, front: Front, tls: bool) -> None:
    url = front.nghttpx(front.mock(flags=("--model", "m", *GENERATED)), tls=tls)
    wait = ["--wait-for-model-timeout", "20", "--wait-for-model-mode", "both"]
    done = command.profile(url, *front.flags("2", *wait, count=4))
    assert done.exit_code == 0, done.stderr


def test_a_server_without_it_is_told(command: Command, front: Front) -> None:
    plain = front.mock(chat_script(answer()))
    done = command.profile(plain.url, *front.flags("2", count=4))
    assert done.exit_code == 1
    assert f"cannot connect to {plain.host}: no HTTP/2: " in done.error_lines[-1]
    protected = TlsDoor(("127.0.0.1", plain.port), front.certificate)
    try:
        done = command.profile(f"https://localhost:{protected.port}", *front.flags("2", count=4))
    finally:
        protected.stop()
    assert done.exit_code == 1
    assert "does not offer HTTP/2" in done.error_lines[-1]
