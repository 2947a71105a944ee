"""How servers are reached: sockets in the file system, source addresses, proxies, names with several addresses."""

from __future__ import annotations

import base64
import socket
from typing import TYPE_CHECKING

import aiperf_cpp as ap
import pytest
from command_support import answer, chat_script
from ending_support import both_backends
from transport_support import Authority, Door, ProxyDoor, TlsDoor, UnixDoor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Command, MockFactory

COUNT = ["--request-count", "12", "--concurrency", "3"]
REUSED = 2  # of a record's flags (docs/records.md)
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture
def doors() -> Iterator[list[Door]]:
    made: list[Door] = []
    yield made
    for door in made:
        door.stop()


@pytest.mark.parametrize(
    ("backend", "spelling"),
    [("thread", "unix://{}"), ("process", "unix://{}"), ("process", "http+unix://{coded}/base")],
)
def test_a_socket_in_the_file_system_is_a_server(
    command: Command, mock: MockFactory, tmp_path: Path, backend: str, spelling: str
) -> None:
    base = "/base" if "base" in spelling else ""
    script = chat_script(answer())
    script["routes"][0]["path"] = base + script["routes"][0]["path"]
    server = mock(script)
    path = tmp_path / "server.sock"
    door = UnixDoor(("127.0.0.1", server.port), path)
    url = spelling.format(path, coded=str(path).replace("/", "%2F"))
    done = command.profile(url, *COUNT, "--backend", backend, "--workers-max", "3")
    door.stop()
    assert done.exit_code == 0, done.stderr
    assert len(server.requests()) == 12
    assert {dict(request["headers"])["Host"] for request in server.requests()} == {"localhost"}


def test_a_socket_nobody_listens_on_is_told(command: Command, tmp_path: Path) -> None:
    done = command.profile(f"unix://{tmp_path}/none.sock", *COUNT)
    assert done.exit_code == 1
    assert f"cannot connect to {tmp_path}/none.sock: No such file or directory" in done.stderr


def test_connections_leave_from_the_given_addresses_in_turn(
    command: Command, mock: MockFactory, doors: list[Door]
) -> None:
    server = mock(chat_script(answer()))
    doors.append(Door(("127.0.0.1", server.port)))
    more = ["--source-address", "127.0.0.2,127.0.0.3", "--connection-reuse-strategy", "never", "--workers-max", "1"]
    done = command.profile(f"http://127.0.0.1:{doors[0].port}", *COUNT, *more)
    assert done.exit_code == 0, done.stderr
    hosts = [peer[0] for peer in doors[0].peers]
    assert hosts.count("127.0.0.2") == 1 + 6  # the probe's too
    assert hosts.count("127.0.0.3") == 6


@both_backends
@pytest.mark.parametrize("workers", ["1", "3"])
def test_connections_are_there_before_a_schedule_begins(
    workers: str, backend: str, command: Command, mock: MockFactory, doors: list[Door]
) -> None:
    doors.append(Door(("127.0.0.1", mock(chat_script(answer())).port)))
    flags = [*COUNT, "--request-rate", "100", "--backend", backend, "--workers-max", workers]
    done = command.profile(f"http://127.0.0.1:{doors[0].port}", *flags)
    assert done.exit_code == 0, done.stderr
    assert len(doors[0].peers) == 1 + 3  # the probe's too
    records = ap.load(command.artifacts.directory).records
    assert len(records) == 12
    assert not records["connect_start_ns"].any()
    assert (records["flags"] & REUSED).all()
    assert (records["send_start_ns"] >= records["planned_ns"]).all()


def test_a_request_opens_its_connection_where_none_is_to_be_opened_ahead(command: Command, mock: MockFactory) -> None:
    environment = {"AIPERF_HTTP_CONNECTIONS_AHEAD": "0"}
    done = command.profile(mock(chat_script(answer())).url, *COUNT, "--request-rate", "100", env=environment)
    assert done.exit_code == 0, done.stderr
    first = ap.load(command.artifacts.directory).records[0]
    assert first["connect_start_ns"] >= first["planned_ns"]
    assert not first["flags"] & REUSED


def test_a_source_address_of_another_machine_is_refused(command: Command) -> None:
    done = command.profile("http://127.0.0.1:1", *COUNT, "--source-address", "192.0.2.1")
    assert done.exit_code == 2
    assert "--source-address: '192.0.2.1' is not allowed; an address of this machine" in done.stderr
    done = command.profile("http://127.0.0.1:1", *COUNT, "--source-address", "eth0")
    assert "--source-address: 'eth0' is not allowed; an IPv4 or IPv6 address" in done.stderr


def test_a_name_with_addresses_of_both_kinds_works_where_one_of_them_answers(
    command: Command, mock: MockFactory
) -> None:
    server = mock(chat_script(answer()))
    environment = {"AIPERF_HTTP_IP_VERSION": "auto"}
    done = command.profile(f"http://localhost:{server.port}", *COUNT, env=environment)
    assert done.exit_code == 0, done.stderr
    assert len(server.requests()) == 12


def test_ipv6_is_spoken(command: Command, mock: MockFactory, doors: list[Door]) -> None:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    server = mock(chat_script(answer()))
    doors.append(Door(("127.0.0.1", server.port), socket.AF_INET6, ("::1", 0)))
    done = command.profile(f"http://[::1]:{doors[0].port}", *COUNT)
    assert done.exit_code == 0, done.stderr
    assert {dict(request["headers"])["Host"] for request in server.requests()} == {f"[::1]:{doors[0].port}"}


def test_proxies_of_the_environment_are_used_only_when_asked(
    command: Command, mock: MockFactory, doors: list[Door]
) -> None:
    server = mock(chat_script(answer()))
    proxy = ProxyDoor()
    doors.append(proxy)
    environment = dict.fromkeys(PROXIES, "") | {"HTTP_PROXY": f"http://me:secret@127.0.0.1:{proxy.port}"}
    done = command.profile(server.url, *COUNT, env=environment)
    assert done.exit_code == 0, done.stderr
    assert proxy.connections == 0
    done = command.profile(server.url, *COUNT, env=environment | {"AIPERF_HTTP_TRUST_ENV": "true"})
    assert done.exit_code == 0, done.stderr
    assert len(server.requests()) == 24
    wanted = "Proxy-Authorization: Basic " + base64.b64encode(b"me:secret").decode()
    assert proxy.heads
    for head in proxy.heads:
        assert head.startswith(f"POST {server.url}/v1/chat/completions HTTP/1.1\r\n")
        assert wanted in head
    assert "secret" not in done.stderr + done.stdout
    spared = environment | {"AIPERF_HTTP_TRUST_ENV": "true", "NO_PROXY": "127.0.0.1"}
    before = proxy.connections
    assert command.profile(server.url, *COUNT, env=spared).exit_code == 0
    assert proxy.connections == before


def test_a_proxy_leads_to_a_server_with_tls(
    command: Command, mock: MockFactory, doors: list[Door], tmp_path: Path
) -> None:
    authority = Authority(tmp_path / "authority")
    server = mock(chat_script(answer()))
    protected = TlsDoor(("127.0.0.1", server.port), authority.sign("server", "DNS:localhost"))
    proxy = ProxyDoor()
    refusing = ProxyDoor(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
    doors += [protected, proxy, refusing]
    environment = dict.fromkeys(PROXIES, "") | {"AIPERF_HTTP_TRUST_ENV": "true"}
    url = f"https://localhost:{protected.port}"
    known = ["--tls-ca-file", str(authority.certificate)]
    through = environment | {"https_proxy": f"http://127.0.0.1:{proxy.port}"}
    done = command.profile(url, *COUNT, *known, "--workers-max", "3", env=through)
    assert done.exit_code == 0, done.stderr
    assert len(server.requests()) == 12
    assert all(head.startswith(f"CONNECT localhost:{protected.port} HTTP/1.1\r\n") for head in proxy.heads)
    done = command.profile(url, *COUNT, *known, env=environment | {"https_proxy": f"http://127.0.0.1:{refusing.port}"})
    assert done.exit_code == 1
    assert f"the proxy 127.0.0.1:{refusing.port} says 'HTTP/1.1 403 Forbidden'" in done.stderr


def test_redirects_are_errors_until_they_are_asked_for(command: Command, mock: MockFactory) -> None:
    script = chat_script(answer())
    script["routes"][0]["path"] = "/new"
    server = mock(script)
    old = ProxyFree(server.url + "/new")
    try:
        done = command.profile(f"http://127.0.0.1:{old.port}", *COUNT)
        assert done.exit_code == 1
        error = command.artifacts.records()[0]["error"]
        assert (error["code"], error["type"]) == (307, "Temporary Redirect")
        assert error["message"].startswith(f"redirected to {server.url}/new: redirects are not followed")
        more = ["--follow-redirects", "2", "--workers-max", "3", "--backend", "process"]
        done = command.profile(f"http://127.0.0.1:{old.port}", *COUNT, *more)
        assert "only this server and the other addresses of --url" in command.artifacts.records()[0]["error"]["message"]
        done = command.profile(f"http://127.0.0.1:{old.port}", "--url", server.url + "/new", *COUNT, *more)
        assert [record for record in command.artifacts.records() if "error" not in record]
    finally:
        old.stop()


class ProxyFree(Door):
    """A server that sends everybody elsewhere."""

    def __init__(self, place: str) -> None:
        self.place = place
        super().__init__(None)

    def serve(self, client: socket.socket) -> None:
        data = b""
        while True:
            more = client.recv(65536)
            if not more:
                return
            data += more
            while b"\r\n\r\n" in data:
                head, rest = data.split(b"\r\n\r\n", 1)
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                if len(rest) < length:
                    break
                data = rest[length:]
                text = f"HTTP/1.1 307 Temporary Redirect\r\nLocation: {self.place}\r\nContent-Length: 0\r\n\r\n"
                client.sendall(text.encode())
