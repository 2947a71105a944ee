"""Who comes into the results server, and by which way: token, Host, Origin, Unix socket, TLS, with real sockets."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
import ssl
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiperf_cpp as ap
import pytest
from access_support import (
    AUTH,
    CORS,
    TLS_CERT,
    TLS_KEY,
    TOKEN,
    Entrance,
    api_file,
    short_directory,
)
from api_support import SHORT, options
from command_support import HANG_S, answer, chat_script, wait_until
from ending_support import GRACE, SHUTDOWN_TIMEOUT, both_backends, free_port
from transport_support import Authority
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect, unix_connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from command_support import Running
    from conftest import Command, MockFactory

SECRET = "open-sesame-0123456789"
ROUTES = [
    "/api/results",
    "/api/results/list",
    "/api/progress",
    "/api/metrics",
    "/metrics",
    "/api/workers",
    "/api/config",
    "/api/run",
    "/healthz",
    "/readyz",
]
WAYS = ["tcp", "tls", "unix"]
every_way = pytest.mark.parametrize("way", WAYS)
BIG = 8 << 20


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def certificate(authority: Authority) -> tuple[Path, Path]:
    return authority.sign("results", "DNS:localhost,IP:127.0.0.1")


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_directory() as directory:
        yield directory


class Served:
    """A run with a results server, and the way in that a test goes."""

    def __init__(self, running: Running, entrance: Entrance, artifacts: Path) -> None:
        self.running = running
        self.entrance = entrance
        self.artifacts = artifacts

    def end(self) -> None:
        """Ends the hold, and sees the run off."""
        assert self.entrance.ask("/api/shutdown", "POST").status == 200
        finished = self.running.wait()
        assert finished.exit_code == 0, finished.stderr


@pytest.fixture
def serve(
    command: Command, mock: MockFactory, authority: Authority, certificate: tuple[Path, Path], folder: Path
) -> Callable[..., Served]:
    """Starts a short run, held long, that is reached by tcp, tls or unix."""

    def start(way: str, *flags: str, env: dict[str, str] | None = None, requests: int = 5) -> Served:
        server = mock(chat_script(answer(first_ms=20)))
        path = str(folder / "api.sock")
        where = ["--api-socket", path] if way == "unix" else ["--api-port", "0"]
        env = {GRACE: "300", **(env or {})}
        if way == "tls":
            env |= {TLS_CERT: str(certificate[0]), TLS_KEY: str(certificate[1])}
        running = command.start_profile(server.url, *where, "--request-count", str(requests), *flags, env=env)
        told = api_file(command.artifacts.directory)
        entrance = Entrance(str(told["url"]), token=env.get(TOKEN, ""))
        if way == "unix":
            assert (told["url"], told["port"], told["socket"]) == (f"unix://{path}", 0, path)
            entrance.path = path
        if way == "tls":
            assert str(told["url"]).startswith("https://127.0.0.1:")
            entrance.context = ssl.create_default_context(cafile=str(authority.certificate))
        return Served(running, entrance, command.artifacts.directory)

    return start


@both_backends
@every_way
def test_every_way_in_leads_to_every_route(way: str, backend: str, serve: Callable[..., Served]) -> None:
    served = serve(way, "--backend", backend)
    assert served.entrance.wait_status("complete") == "complete"
    with contextlib.closing(served.entrance.connect()) as kept:
        for route in ROUTES:
            assert served.entrance.ask_on(kept, route).status == 200, route
        files = served.entrance.ask_on(kept, "/api/results/list").json()["files"]
        assert files
        for file in files:
            reply = served.entrance.ask_on(kept, f"/api/results/files/{file['name']}")
            assert reply.body == (served.artifacts / file["name"]).read_bytes()
    assert served.entrance.ask("/nope").status == 404
    served.end()
    assert served.entrance.refuses


@both_backends
@every_way
def test_a_long_poll_and_a_big_file_come_through_every_way(
    way: str, backend: str, serve: Callable[..., Served]
) -> None:
    served = serve(way, "--backend", backend, requests=30)
    body = served.entrance.ask("/api/results?wait=60").json()
    assert body["status"] == "complete"
    content = bytes(range(256)) * (BIG // 256)
    (served.artifacts / "big.bin").write_bytes(content)
    assert served.entrance.ask("/api/results/files/big.bin").body == content
    served.end()


@both_backends
@pytest.mark.parametrize("way", ["tls", "unix"])
def test_a_download_under_way_outlasts_the_hold_on_every_way(
    way: str, backend: str, serve: Callable[..., Served]
) -> None:
    served = serve(way, "--backend", backend, env={SHUTDOWN_TIMEOUT: "60"})
    served.entrance.wait_status("complete")
    (served.artifacts / "big.bin").write_bytes(b"x" * (3 * BIG))
    with contextlib.closing(served.entrance.connect()) as connection:
        connection.request("GET", "/api/results/files/big.bin")
        reply = connection.getresponse()
        first = reply.read(1000)
        served.running.signal(signal.SIGINT)
        wait_until(lambda: served.entrance.refuses, HANG_S, "end of the listener")
        assert len(first) + len(reply.read()) == 3 * BIG
    assert served.running.wait().exit_code == 0


def web_socket(entrance: Entrance, query: str = "", **headers: str) -> ClientConnection:
    """A client of /ws, by the way of the entrance."""
    more: dict[str, Any] = {"open_timeout": HANG_S, "additional_headers": headers}
    if entrance.path:
        client: ClientConnection = unix_connect(entrance.path, "ws://localhost/ws" + query, **more)
    else:
        place = entrance.url.replace("http", "ws", 1) + "/ws" + query
        client = connect(place, ssl=entrance.context, **more)
    return client


@both_backends
@every_way
def test_live_streams_come_through_every_way_and_take_the_token_in_the_query(
    way: str, backend: str, serve: Callable[..., Served]
) -> None:
    env = {} if way == "unix" else {TOKEN: SECRET}
    served = serve(way, "--backend", backend, env=env, requests=100)
    query = f"?token={SECRET}"
    if way != "unix":
        with pytest.raises(InvalidStatus, match="401"):
            web_socket(served.entrance)
        with pytest.raises(InvalidStatus, match="401"):
            web_socket(served.entrance, f"{query}x")
    with pytest.raises(InvalidStatus, match="403"):
        web_socket(served.entrance, query, Origin="https://evil.example")
    with web_socket(served.entrance, query) as client:
        client.send(json.dumps({"type": "subscribe", "message_types": ["benchmark_complete"]}))
        assert json.loads(client.recv(HANG_S))["type"] == "subscribed"
        assert json.loads(client.recv(HANG_S))["status"] == "complete"
    events = Entrance(served.entrance.url, served.entrance.path, served.entrance.context).ask(f"/api/events{query}")
    assert b"event: benchmark_complete\ndata: " in events.body
    served.end()
    assert SECRET not in served.running.stderr


# ---- token


@both_backends
def test_beyond_loopback_a_token_is_made_and_told_once_on_the_console_alone(
    backend: str, serve: Callable[..., Served]
) -> None:
    served = serve("tcp", "--api-host", "0.0.0.0", "--backend", backend)
    told = r"results server: its token is ([0-9a-f]{40}) \(Authorization: Bearer \1\)"
    wait_until(lambda: re.search(told, served.running.stderr), HANG_S, "the token")
    assert served.entrance.ask("/api/results").status == 401
    assert served.entrance.ask("/healthz").status == 200
    found = re.findall(told, served.running.stderr)
    assert len(found) == 1
    served.entrance.token = found[0]
    served.entrance.wait_status("complete")
    served.end()
    for path in (path for path in served.artifacts.rglob("*") if path.is_file()):
        assert found[0].encode() not in path.read_bytes(), path
    assert len(re.findall(found[0], served.running.stderr)) == 2  # the one line


@both_backends
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_token_that_is_given_is_wanted_on_every_address_and_told_nowhere(
    host: str, backend: str, serve: Callable[..., Served], command: Command
) -> None:
    served = serve("tcp", "--api-host", host, "--backend", backend, env={TOKEN: SECRET})
    served.entrance.wait_status("complete")
    stranger = Entrance(served.entrance.url)
    reply = stranger.ask("/api/results")
    assert (reply.status, reply.headers["WWW-Authenticate"]) == (401, 'Bearer realm="aiperf"')
    assert stranger.ask("/api/shutdown", "POST").status == 401
    assert stranger.ask("/readyz").status == 200
    for wrong in ("Bearer x", f"Basic {SECRET}", f"Bearer {SECRET}x"):
        assert stranger.ask("/metrics", Authorization=wrong).status == 401
    assert stranger.ask(f"/api/results?token={SECRET}").status == 401
    waiting = command.run("wait", served.entrance.url)
    assert waiting.exit_code == 1
    assert "wants a token" in waiting.stderr
    assert command.run("wait", served.entrance.url, "--token", SECRET).exit_code == 0
    assert command.run("wait", served.entrance.url, env={TOKEN: SECRET}).exit_code == 0
    served.end()
    assert SECRET not in served.running.stderr


def test_without_authentication_any_address_is_open(serve: Callable[..., Served]) -> None:
    served = serve("tcp", "--api-host", "0.0.0.0", env={AUTH: "none", TOKEN: SECRET})
    served.entrance.token = ""
    served.entrance.wait_status("complete")
    assert served.entrance.ask("/api/results", Host="some.name").status == 200
    assert "token is" not in served.running.stderr
    served.end()


def test_python_knows_the_token(mock: MockFactory, tmp_path: Path) -> None:
    opts = options(mock(flags=SHORT), tmp_path / "run", request_count=5, api_port=0, api_host="0.0.0.0")
    with ap.Run(environment={GRACE: "300"}, **opts) as run:
        run.result()
        assert run.api_url is not None
        assert run.api_token is not None
        entrance = Entrance(run.api_url, token=run.api_token)
        assert entrance.status() == "complete"
        assert Entrance(run.api_url).ask("/api/results").status == 401
        assert entrance.ask("/api/shutdown", "POST").status == 200
    assert run.api_token is None


def test_python_needs_no_token_on_loopback(mock: MockFactory, tmp_path: Path) -> None:
    opts = options(mock(flags=SHORT), tmp_path / "run", request_count=5, api_port=0)
    with ap.Run(environment={GRACE: "0"}, **opts) as run:
        run.result()
        assert run.api_token is None


# ---- web pages


@both_backends
def test_web_pages_can_neither_rebind_a_name_nor_end_a_run(backend: str, serve: Callable[..., Served]) -> None:
    served = serve("tcp", "--backend", backend)
    entrance = served.entrance
    entrance.wait_status("complete")
    assert entrance.ask("/api/results", Host="evil.example").status == 403
    assert entrance.ask("/api/shutdown", "POST", Origin="https://evil.example").status == 403
    assert entrance.ask("/ws", Origin="https://evil.example", Upgrade="websocket", Connection="Upgrade").status == 403
    reply = entrance.ask("/api/results", Origin="https://evil.example")
    assert not [name for name in reply.headers if name.lower().startswith("access-control")]
    port = entrance.url.rsplit(":", 1)[1]
    assert entrance.ask("/api/results", Host=f"localhost:{port}").status == 200
    served.end()


@both_backends
def test_pages_of_named_origins_read_what_they_like(backend: str, serve: Callable[..., Served]) -> None:
    served = serve("tcp", "--backend", backend, env={CORS: '["https://ui.example"]', TOKEN: SECRET})
    entrance = served.entrance
    entrance.wait_status("complete")
    first = Entrance(entrance.url).ask(
        "/api/results",
        "OPTIONS",
        Origin="https://ui.example",
        Access_Control_Request_Method="GET",
        Access_Control_Request_Headers="authorization",
    )
    assert first.status == 200
    assert first.headers["Access-Control-Allow-Origin"] == "https://ui.example"
    assert "Authorization" in first.headers["Access-Control-Allow-Headers"]
    reply = entrance.ask("/api/results", Origin="https://ui.example")
    assert reply.headers["Access-Control-Allow-Origin"] == "https://ui.example"
    assert reply.headers["Vary"] == "Origin"
    assert "Access-Control-Allow-Origin" not in entrance.ask("/api/results", Origin="https://a.example").headers
    served.end()


# ---- Unix socket


@both_backends
def test_the_socket_is_this_users_alone_and_gone_afterwards(
    backend: str, serve: Callable[..., Served], command: Command
) -> None:
    served = serve("unix", "--backend", backend, env={TOKEN: SECRET})
    path = Path(served.entrance.path)
    assert stat.S_IMODE(path.lstat().st_mode) == 0o600
    served.entrance.token = ""  # the mode says who may
    served.entrance.wait_status("complete")
    assert command.run("wait", f"unix://{path}").exit_code == 0
    served.end()
    assert not path.exists()


@both_backends
def test_a_port_and_a_socket_are_one_server(backend: str, command: Command, mock: MockFactory, folder: Path) -> None:
    path = folder / "api.sock"
    flags = ["--api-port", "0", "--api-socket", str(path), "--request-count", "5", "--backend", backend]
    running = command.start_profile(mock(chat_script()).url, *flags, env={GRACE: "300"})
    told = api_file(command.artifacts.directory)
    by_port, by_socket = Entrance(told["url"]), Entrance(path=str(path))
    by_port.wait_status("complete")
    assert by_socket.ask("/api/results").body == by_port.ask("/api/results").body
    assert by_socket.ask("/api/shutdown", "POST").status == 200
    assert running.wait().exit_code == 0
    assert by_port.refuses
    assert not path.exists()


@both_backends
def test_a_socket_left_behind_is_replaced_and_one_in_use_refused(
    backend: str, command: Command, mock: MockFactory, folder: Path
) -> None:
    path = folder / "api.sock"
    server = mock(chat_script())
    args = ["--api-socket", str(path), "--request-count", "5", "--backend", backend]
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as dead:
        dead.bind(str(path))
    assert command.profile(server.url, *args, env={GRACE: "0"}).exit_code == 0
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as alive:
        alive.bind(str(path))
        alive.listen()
        asked = len(server.requests())
        refused = command.profile(server.url, *args, env={GRACE: "0"})
    assert refused.exit_code == 1
    assert f"cannot listen on {path}: Address already in use" in refused.stderr
    assert len(server.requests()) == asked
    assert path.is_socket()


def test_a_path_is_taken_from_the_working_directory(command: Command, mock: MockFactory) -> None:
    flags = ["--api-socket", "s", "--request-count", "3"]
    running = command.start_profile(mock(chat_script()).url, *flags, env={GRACE: "0"})
    told = api_file(command.artifacts.directory)
    assert told["socket"] == str(command.workdir / "s")
    assert running.wait().exit_code == 0


# ---- TLS


@both_backends
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_connection_over_tls_is_kept_and_closed_in_good_order(
    version: ssl.TLSVersion, backend: str, serve: Callable[..., Served]
) -> None:
    served = serve("tls", "--backend", backend)
    entrance = served.entrance
    assert entrance.context is not None
    entrance.context.minimum_version = entrance.context.maximum_version = version
    entrance.wait_status("complete")
    with contextlib.closing(entrance.connect()) as kept:
        for _ in range(20):
            assert entrance.ask_on(kept, "/api/results").status == 200
        tls = kept.sock
        assert isinstance(tls, ssl.SSLSocket)
        assert tls.version() == version.name.replace("_", ".")
        served.running.signal(signal.SIGINT)
        assert tls.recv(1) == b""  # close_notify: else this raises
    assert served.running.wait().exit_code == 0


@both_backends
def test_clients_that_do_not_speak_tls_keep_nobody_waiting(backend: str, serve: Callable[..., Served]) -> None:
    served = serve("tls", "--backend", backend)
    served.entrance.wait_status("complete")
    host, port = served.entrance.url.removeprefix("https://").rsplit(":", 1)
    silent = [socket.create_connection((host, int(port)), timeout=HANG_S) for _ in range(20)]
    with contextlib.closing(socket.create_connection((host, int(port)), timeout=HANG_S)) as plain:
        plain.sendall(b"GET /api/results HTTP/1.1\r\nHost: localhost\r\n\r\n")
        while piece := plain.recv(1000):
            assert b"HTTP/1.1 200" not in piece
    assert served.entrance.status() == "complete"
    served.end()
    for client in silent:
        with contextlib.suppress(ConnectionResetError):
            assert client.recv(1) == b""
        client.close()


def test_old_versions_of_tls_are_refused(serve: Callable[..., Served]) -> None:
    served = serve("tls", env={GRACE: "3"})
    context = served.entrance.context
    assert context is not None
    with pytest.warns(DeprecationWarning, match="deprecated"):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="deprecated"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        served.entrance.ask("/healthz")
    assert served.running.wait().exit_code == 0


def test_wait_goes_by_https_and_believes_only_whom_it_is_told_to(
    serve: Callable[..., Served], command: Command, authority: Authority, tmp_path: Path
) -> None:
    served = serve("tls", env={TOKEN: SECRET})
    url = served.entrance.url
    unknown = command.run("wait", url, "--token", SECRET)
    assert unknown.exit_code == 1
    assert "is not accepted" in unknown.stderr
    other = Authority(tmp_path / "other")
    assert command.run("wait", url, "--cacert", str(other.certificate), "--token", SECRET).exit_code == 1
    assert command.run("wait", url, "--cacert", str(authority.certificate), "--token", SECRET).exit_code == 0
    assert command.run("wait", url, "--insecure", "--token", SECRET).exit_code == 0
    assert command.run("wait", url, env={"AIPERF_HTTP_SSL_VERIFY": "false", TOKEN: SECRET}).exit_code == 0
    served.end()


@both_backends
def test_a_certificate_that_cannot_be_used_ends_the_run_before_a_request(
    backend: str, command: Command, mock: MockFactory, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    server = mock(chat_script())
    other = Authority(tmp_path / "other")
    for cert, key, named in [
        ("/no/such.pem", "", TLS_CERT),
        (str(certificate[0]), str(other.key), TLS_KEY),
        (str(certificate[0]), "", TLS_CERT),
    ]:
        env = {TLS_CERT: cert} | ({TLS_KEY: key} if key else {})
        done = command.profile(server.url, "--api-port", "0", "--request-count", "5", "--backend", backend, env=env)
        assert done.exit_code == 1
        assert f"{named}: '{key or cert}' cannot be used: " in done.stderr
    assert server.requests() == []


# ---- refusals


@pytest.mark.parametrize(
    ("flags", "env", "words"),
    [
        (["--api-port", "0"], {TOKEN: "a b"}, [TOKEN, "<redacted>", "visible"]),
        (["--api-port", "0"], {TLS_KEY: "key.pem"}, [TLS_KEY, TLS_CERT]),
        (["--api-port", "0"], {CORS: "*"}, [CORS, "JSON list"]),
        (["--api-port", "0"], {AUTH: "basic"}, [AUTH, "token, none"]),
        (["--api-linger"], {}, ["--api-linger", "--api-socket"]),
        (["--api-socket", "x", "--api-host", "h"], {}, ["--api-host", "port"]),
    ],
)
def test_what_cannot_be_is_refused_before_anything_starts(
    flags: list[str], env: dict[str, str], words: list[str], command: Command
) -> None:
    done = command.profile("http://127.0.0.1:9", *flags, env=env)
    assert done.exit_code == 2
    assert len(done.error_lines) == 1
    for word in words:
        assert word in done.error_lines[0]
    assert "a b" not in done.error_lines[0]


# ---- secrets


def answers_of_every_route(entrance: Entrance) -> bytes:
    """Heads and bodies of everything the server says."""
    said = b""
    names = [file["name"] for file in entrance.ask("/api/results/list").json()["files"]]
    for target in [*ROUTES, "/nope", *(f"/api/results/files/{name}" for name in names)]:
        reply = entrance.ask(target)
        said += json.dumps(dict(reply.headers)).encode() + reply.body
    for target in ("/api/results", "/nope", "/ws?token=wrong"):
        reply = Entrance(entrance.url).ask(target)  # refused
        said += json.dumps(dict(reply.headers)).encode() + reply.body
    return said


@both_backends
def test_no_secret_is_in_any_answer_artifact_log_or_on_the_console(
    backend: str, command: Command, mock: MockFactory
) -> None:
    secrets = {name: f"planted-{name}-4711" for name in ("key", "header", "cookie", "token", "query")}
    flags = [
        "--api-key",
        secrets["key"],
        "-H",
        f"X-API-Key: {secrets['header']}",
        "-H",
        f"Cookie: a={secrets['cookie']}",
    ]
    flags += ["--export-level", "raw", "--log-level", "debug", "--request-count", "5", "--backend", backend]
    server = mock(chat_script())
    env = {TOKEN: secrets["token"], GRACE: "300"}
    running = command.start_profile(server.url, "--api-port", "0", *flags, env=env)
    entrance = Entrance(api_file(command.artifacts.directory)["url"], token=secrets["token"])
    assert Entrance(entrance.url).ask(f"/ws?token={secrets['query']}").status == 401
    said = entrance.ask("/api/results").body + entrance.ask("/api/config").body
    entrance.wait_status("complete")
    said += answers_of_every_route(entrance)
    assert entrance.ask(f"/api/events?token={secrets['token']}").status != 401
    assert entrance.ask("/api/shutdown", "POST").status == 200
    finished = running.wait()
    assert finished.exit_code == 0
    sent = json.dumps(server.requests())
    assert secrets["header"] in sent  # they were used
    places = {"answers": said, "console": (finished.stdout + finished.stderr).encode()}
    places |= {str(path): path.read_bytes() for path in command.workdir.rglob("*") if path.is_file()}
    assert len(places) > 8
    for place, content in places.items():
        for name, secret in secrets.items():
            assert secret.encode() not in content, (name, place)


def test_settings_show_no_token(command: Command) -> None:
    for flags in ([], ["--json"]):
        shown = command.run("settings", *flags, env={TOKEN: SECRET})
        assert shown.exit_code == 0
        assert "<redacted>" in shown.stdout
        assert SECRET not in shown.stdout
    settings: Any = ap.Settings({TOKEN: SECRET})
    assert settings.api_server.token == "<redacted>"
    assert SECRET not in repr(settings)


# ---- two hundred


@both_backends
def test_two_hundred_long_polls_are_all_answered_by_the_end_and_cost_the_run_no_request(
    backend: str, command: Command, mock: MockFactory
) -> None:
    server = mock(chat_script(answer(first_ms=50)))
    flags = ["--api-port", str(free_port()), "--request-count", "60", "--concurrency", "3", "--backend", backend]
    running = command.start_profile(server.url, *flags, env={GRACE: "300"})
    entrance = Entrance(api_file(command.artifacts.directory)["url"])
    waiting = [entrance.connect() for _ in range(200)]
    for connection in waiting:
        connection.request("GET", "/api/results?wait=60")
    bodies = [json.loads(connection.getresponse().read()) for connection in waiting]
    assert {body["status"] for body in bodies} == {"complete"}
    assert len({body["seq"] for body in bodies}) == 1
    for connection in waiting:
        connection.close()
    assert command.artifacts.value("request_count") == 60
    assert entrance.ask("/api/shutdown", "POST").status == 200
    assert running.wait().exit_code == 0
