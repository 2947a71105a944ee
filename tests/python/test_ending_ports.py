"""Where the results server listens, and what becomes of a run that cannot have its port."""

from __future__ import annotations

import json
import re
import socket
from typing import TYPE_CHECKING

import pytest
from command_support import HANG_S, chat_script
from conftest import Command
from ending_support import GRACE, address_of, both_backends, get, start, wait_ended

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import MockFactory


@pytest.fixture
def other(program: Path, tmp_path: Path) -> Iterator[Command]:
    """A second command beside the first, in a folder of its own."""
    command = Command(program, tmp_path / "other")
    yield command
    command.stop()


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody else listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        yield port


@both_backends
def test_a_port_in_use_by_flag_ends_the_run_without_a_request(
    backend: str, command: Command, mock: MockFactory, taken: int
) -> None:
    server = mock(chat_script())
    finished = command.profile(server.url, "--request-count", "5", "--api-port", str(taken), "--backend", backend)
    assert finished.exit_code == 1
    assert f"127.0.0.1:{taken}" in finished.stderr
    assert "Address already in use" in finished.stderr
    assert server.requests() == []


@both_backends
def test_a_port_in_use_from_the_environment_is_a_warning_and_no_grace_is_paid(
    backend: str, command: Command, mock: MockFactory, taken: int
) -> None:
    env = {"AIPERF_API_SERVER_PORT": str(taken), GRACE: "300"}
    finished = command.profile(mock(chat_script()).url, "--request-count", "5", "--backend", backend, env=env)
    assert finished.exit_code == 0
    (line,) = [line for line in finished.error_lines if f"127.0.0.1:{taken}" in line]
    assert "Address already in use" in line
    assert command.artifacts.value("request_count") == 5


@both_backends
def test_a_second_run_in_the_first_ones_hold_is_refused_by_flag_and_runs_without_a_server_by_environment(
    backend: str, command: Command, other: Command, mock: MockFactory
) -> None:
    first, poller = start(command, mock(chat_script()).url, "60", "--request-count", "5", "--backend", backend)
    wait_ended(first, poller)
    port = str(address_of(poller.url)[1])
    server = mock(chat_script())
    flags = ["--request-count", "5", "--backend", backend]
    by_flag = other.profile(server.url, *flags, "--api-port", port)
    assert by_flag.exit_code == 1
    assert f"127.0.0.1:{port}: Address already in use" in by_flag.stderr
    assert server.requests() == []
    by_environment = other.profile(server.url, *flags, env={"AIPERF_API_SERVER_PORT": port, GRACE: "300"})
    assert by_environment.exit_code == 0
    assert f"127.0.0.1:{port}" in by_environment.stderr
    assert json.loads(get(poller.url + "/api/results")[1])["run_id"] == command.artifacts.summary()["benchmark_id"]
    first.stop()
    poller.join(HANG_S)


@both_backends
def test_a_second_run_has_the_port_at_once_though_clients_of_the_first_linger(
    backend: str, command: Command, other: Command, mock: MockFactory
) -> None:
    server = mock(chat_script())
    flags = ["--request-count", "5", "--backend", backend]
    first, poller = start(command, server.url, "0.5", *flags)
    wait_ended(first, poller)
    address = address_of(poller.url)
    clients = [socket.create_connection(address, timeout=HANG_S) for _ in range(50)]
    assert first.wait().exit_code == 0
    second = other.profile(server.url, *flags, "--api-port", str(address[1]), env={GRACE: "0"})
    for client in clients:
        client.close()
    assert second.exit_code == 0, second.stderr
    assert json.loads((other.artifacts.directory / "api.json").read_text())["port"] == address[1]
    poller.join(HANG_S)


@both_backends
def test_port_0_is_a_real_port_named_in_one_line_and_in_api_json(
    backend: str, command: Command, mock: MockFactory
) -> None:
    server = mock(chat_script())
    running, poller = start(command, server.url, "0.5", "--request-count", "5", "--backend", backend)
    poller.result()
    finished = running.wait()
    assert finished.exit_code == 0
    told = json.loads((command.artifacts.directory / "api.json").read_text())
    assert told["port"] > 0
    assert told["url"] == f"http://127.0.0.1:{told['port']}"
    assert told["run_id"] == command.artifacts.summary()["benchmark_id"]
    log = (command.artifacts.directory / "logs" / "aiperf.log").read_text(encoding="utf-8")
    assert len(re.findall(rf"results server: {re.escape(told['url'])}/api/results$", log, re.MULTILINE)) == 1


@both_backends
@pytest.mark.parametrize("host", ["::1", "localhost"])
def test_other_names_of_this_machine_are_listened_on(
    host: str, backend: str, command: Command, mock: MockFactory
) -> None:
    flags = ["--request-count", "5", "--api-host", host, "--backend", backend]
    running, poller = start(command, mock(chat_script()).url, "1", *flags)
    wait_ended(running, poller)
    port = address_of(poller.url)[1]
    assert poller.url == (f"http://[::1]:{port}" if host == "::1" else f"http://localhost:{port}")
    addresses = {str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    for address in addresses:
        with socket.create_connection((address, port), timeout=HANG_S):
            pass
    poller.result()
    assert running.wait().exit_code == 0


@both_backends
def test_a_host_that_cannot_be_resolved_is_said(backend: str, command: Command, mock: MockFactory) -> None:
    server = mock(chat_script())
    host = "no-such-host.invalid"
    flags = ["--request-count", "5", "--api-port", "0", "--api-host", host, "--backend", backend]
    finished = command.profile(server.url, *flags)
    assert finished.exit_code == 1
    assert host in finished.stderr
    assert server.requests() == []
