"""Runs over TLS, against Python's own TLS server in front of the mock and against openssl s_server."""

from __future__ import annotations

import re
import ssl
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from command_support import answer, chat_script, wait_until
from transport_support import Authority, Door, TlsDoor

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import Command, MockFactory

REQUESTS = 24
WAYS = [
    ["--backend", "thread"],
    ["--backend", "thread", "--workers-max", "3"],
    ["--backend", "process", "--workers-max", "3"],
]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def certificate(authority: Authority) -> tuple[Path, Path]:
    return authority.sign("server", "DNS:localhost,IP:127.0.0.1")


@pytest.fixture
def door(mock: MockFactory) -> Iterator[Callable[..., TlsDoor]]:
    doors: list[Door] = []

    def make(certificate: tuple[Path, Path], script: Any = None, **more: Any) -> TlsDoor:
        server = mock(script or chat_script(answer()))
        made = TlsDoor(("127.0.0.1", server.port), certificate, **more)
        doors.append(made)
        return made

    yield make
    for each in doors:
        each.stop()


def flags(authority: Authority | None, *more: str, count: int = REQUESTS, concurrency: int = 3) -> list[str]:
    known = ["--tls-ca-file", str(authority.certificate)] if authority else []
    return ["--request-count", str(count), "--concurrency", str(concurrency), *known, *more]


@pytest.mark.parametrize("way", WAYS, ids=" ".join)
def test_a_run_over_tls_is_like_one_without(
    command: Command,
    door: Callable[..., TlsDoor],
    authority: Authority,
    certificate: tuple[Path, Path],
    way: list[str],
) -> None:
    server = door(certificate)
    done = command.profile(f"https://localhost:{server.port}", *flags(authority, *way))
    assert done.exit_code == 0, done.stderr
    records = command.artifacts.records()
    assert len(records) == REQUESTS
    assert all("error" not in record for record in records)
    assert command.artifacts.value("output_sequence_length") > 0
    assert server.failures == []
    assert set(server.names) == {"localhost"}
    assert server.connections <= 1 + 3  # the probe's and one for each slot
    assert "NOT verified" not in done.stderr


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_hands_are_shaken_before_a_schedule_begins(
    command: Command,
    door: Callable[..., TlsDoor],
    authority: Authority,
    certificate: tuple[Path, Path],
    version: ssl.TLSVersion,
) -> None:
    server = door(certificate, version=version)
    done = command.profile(f"https://localhost:{server.port}", *flags(authority, "--request-rate", "100"))
    assert done.exit_code == 0, done.stderr
    assert server.failures == []
    assert server.connections <= 1 + 3
    records = command.artifacts.records()
    assert len(records) == REQUESTS
    assert all("error" not in record for record in records)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_sessions_are_taken_up_again_and_counted(
    command: Command,
    door: Callable[..., TlsDoor],
    authority: Authority,
    certificate: tuple[Path, Path],
    version: ssl.TLSVersion,
) -> None:
    server = door(certificate, version=version)
    more = ["--connection-reuse-strategy", "never", "--workers-max", "1"]
    done = command.profile(f"https://127.0.0.1:{server.port}", *flags(authority, *more, concurrency=1))
    assert done.exit_code == 0, done.stderr
    assert server.connections == 1 + REQUESTS
    assert server.resumed == REQUESTS - 1
    assert set(server.names) == {None}  # an address is not named to the server


def test_an_unknown_authority_is_told_before_anything_is_sent(
    command: Command, door: Callable[..., TlsDoor], certificate: tuple[Path, Path]
) -> None:
    server = door(certificate)
    done = command.profile(f"https://localhost:{server.port}", *flags(None))
    assert done.exit_code == 1
    line = done.error_lines[-1]
    assert f"cannot connect to localhost:{server.port}: TLS: the certificate of 'localhost' is not accepted" in line
    assert re.search("self.signed certificate|unable to get local issuer", line)
    assert "--tls-ca-file" in line
    assert server.connections == 1


def test_a_certificate_for_another_name_or_of_the_past_is_told(
    command: Command, door: Callable[..., TlsDoor], authority: Authority
) -> None:
    other = door(authority.sign("other", "DNS:other.test"))
    done = command.profile(f"https://localhost:{other.port}", *flags(authority))
    assert done.exit_code == 1
    assert "the certificate of 'localhost' is not accepted: hostname mismatch" in done.stderr
    done = command.profile(f"https://127.0.0.1:{other.port}", *flags(authority))
    assert "the certificate of '127.0.0.1' is not accepted: IP address mismatch" in done.stderr
    old = door(authority.sign("old", "DNS:localhost", days=0))
    done = command.profile(f"https://localhost:{old.port}", *flags(authority))
    assert done.exit_code == 1
    assert "certificate has expired" in done.stderr


def test_verification_is_turned_off_loudly(
    command: Command, door: Callable[..., TlsDoor], authority: Authority
) -> None:
    server = door(authority.sign("stranger", "DNS:other.test"))
    environment = {"AIPERF_HTTP_SSL_VERIFY": "false"}
    done = command.profile(f"https://localhost:{server.port}", *flags(None), env=environment)
    assert done.exit_code == 0, done.stderr
    assert len(command.artifacts.records()) == REQUESTS
    assert "TLS certificates are NOT verified" in done.stderr
    assert "Note: TLS certificates are NOT verified" in done.stdout
    assert "NOT verified" in command.artifacts.summary()["run_info"]["notes"][0]


def test_a_client_certificate_is_shown_where_the_server_demands_one(
    command: Command, door: Callable[..., TlsDoor], authority: Authority, certificate: tuple[Path, Path]
) -> None:
    server = door(certificate, client_authority=authority.certificate)
    done = command.profile(f"https://localhost:{server.port}", *flags(authority))
    assert done.exit_code == 1
    assert "certificate required; the server may demand a client certificate" in done.stderr
    mine, key = authority.sign("client")
    more = ["--tls-certificate", str(mine), "--tls-key", str(key)]
    done = command.profile(f"https://localhost:{server.port}", *flags(authority, *more))
    assert done.exit_code == 0, done.stderr
    assert len(command.artifacts.records()) == REQUESTS


def test_only_what_the_minimum_allows_is_spoken(
    command: Command, door: Callable[..., TlsDoor], authority: Authority, certificate: tuple[Path, Path]
) -> None:
    server = door(certificate, version=ssl.TLSVersion.TLSv1_2)
    done = command.profile(f"https://localhost:{server.port}", *flags(authority, "--tls-min-version", "1.3"))
    assert done.exit_code == 1
    assert "--tls-min-version" in done.error_lines[-1]


def test_files_that_cannot_be_used_are_refused_by_name(command: Command, authority: Authority, tmp_path: Path) -> None:
    url = "https://localhost:1"
    for option in ("--tls-ca-file", "--tls-certificate"):
        done = command.profile(url, option, str(tmp_path / "none.pem"))
        assert done.exit_code == 2
        assert f"{option}: '{tmp_path / 'none.pem'}' cannot be used: No such file or directory" in done.stderr
    done = command.profile(url, "--tls-key", str(authority.key))
    assert "--tls-key needs --tls-certificate" in done.stderr


def test_https_to_a_plain_server_says_so(command: Command, mock: MockFactory) -> None:
    class Refusing(Door):
        def serve(self, client: socket.socket) -> None:
            client.recv(65536)
            client.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    refusing = Refusing(None)
    try:
        done = command.profile(f"https://localhost:{refusing.port}", *flags(None))
    finally:
        refusing.stop()
    assert done.exit_code == 1
    assert "the server does not speak TLS there" in done.error_lines[-1]
    silent = mock(chat_script(answer()))  # it waits for the end of what it takes for a head
    environment = {"AIPERF_HTTP_CONNECT_TIMEOUT": "0.5"}
    done = command.profile(silent.url.replace("http://", "https://"), *flags(None), env=environment)
    assert "TLS: no answer to the handshake in time: does the server speak TLS there?" in done.error_lines[-1]


def test_plain_and_protected_servers_share_a_run(
    command: Command,
    mock: MockFactory,
    door: Callable[..., TlsDoor],
    authority: Authority,
    certificate: tuple[Path, Path],
) -> None:
    plain = mock(chat_script(answer()))
    protected = door(certificate)
    more = ["--url", f"https://localhost:{protected.port}", "--workers-max", "3"]
    done = command.profile(plain.url, *flags(authority), *more)
    assert done.exit_code == 0, done.stderr
    assert len(command.artifacts.records()) == REQUESTS
    assert len(plain.requests()) == REQUESTS // 2


def test_a_body_that_only_the_connections_end_ends_must_end_in_good_order(
    command: Command, door: Callable[..., TlsDoor], authority: Authority, certificate: tuple[Path, Path]
) -> None:
    body = b'data: {"choices":[{"index":0,"delta":{"content":"Hello"}}]}\n\n'

    def answer_and_cut(client: ssl.SSLSocket) -> None:
        while client.recv(65536):
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + body)
            if cut:
                return
            client.unwrap()

    for cut in (True, False):
        server = door(certificate, serve=answer_and_cut)
        done = command.profile(f"https://localhost:{server.port}", *flags(authority, count=4))
        errors = [record["error"] for record in command.artifacts.records() if "error" in record]
        assert len(errors) == (4 if cut else 0), done.stderr
        for error in errors:
            assert error["type"] == "ClientPayloadError"
            assert "close_notify" in error["message"]


def test_a_certificate_that_goes_bad_within_a_run_is_an_error_of_each_request(
    command: Command, door: Callable[..., TlsDoor], authority: Authority, certificate: tuple[Path, Path]
) -> None:
    server = door(certificate)
    wrong = authority.sign("wrong", "DNS:other.test")
    served = 0

    def change(client: ssl.SSLSocket) -> None:
        nonlocal served
        served += 1
        server.context.load_cert_chain(*map(str, wrong))
        server.relay(client)

    server.own_serve = change
    # Sessions would spare the server its certificate.
    server.context.options |= ssl.OP_NO_TICKET
    server.context.num_tickets = 0
    done = command.profile(f"https://localhost:{server.port}", *flags(authority, count=4))
    assert done.exit_code == 1
    errors = [record["error"] for record in command.artifacts.records()]
    assert len(errors) == 4
    assert {error["type"] for error in errors} == {"ClientConnectorCertificateError"}
    assert all("hostname mismatch" in error["message"] for error in errors)


def test_openssl_s_server_is_spoken_to(
    command: Command, authority: Authority, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    """It gives every line back, reversed: a handshake like any other, and an answer that is none."""
    log = (tmp_path / "log").open("w+b")
    command_line = ["openssl", "s_server", "-accept", "127.0.0.1:0", "-rev", "-cert", str(certificate[0])]
    server = subprocess.Popen([*command_line, "-key", str(certificate[1])], stdout=log, stderr=log)
    try:
        said = tmp_path / "log"
        found = wait_until(lambda: re.search(r"ACCEPT 127\.0\.0\.1:(\d+)", said.read_text("utf-8")), 20, "port")
        done = command.profile(f"https://localhost:{found.group(1)}", *flags(authority, count=5, concurrency=1))
        records = command.artifacts.records()
        assert len(records) == 5, done.stderr
        assert {record["error"]["type"] for record in records} == {"ClientResponseError"}
    finally:
        server.terminate()
        server.wait(10)
        log.close()
