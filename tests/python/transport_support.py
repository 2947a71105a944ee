"""Certificates, and doors in front of a mock server: TLS, Unix sockets, proxies, faults, gateways that speak HTTP/2."""

from __future__ import annotations

import contextlib
import datetime
import os
import select
import shutil
import socket
import ssl
import struct
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import pytest
from command_support import stop, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HANG_S = 60.0


def _openssl(*args: str) -> None:
    subprocess.run(["openssl", *args], check=True, capture_output=True, timeout=HANG_S)


class Authority:
    """A certificate authority of a test, and the certificates it signs."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.certificate = directory / "ca.pem"
        self.key = directory / "ca.key"
        subject = ["-subj", "/CN=Authority of a test", "-days", "30"]
        _openssl("req", "-x509", *self._new_key(self.key), "-out", str(self.certificate), *subject)

    @staticmethod
    def _new_key(path: Path) -> list[str]:
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(path)]

    def sign(self, name: str, names: str = "", days: int = 30) -> tuple[Path, Path]:
        """A certificate for `names` ("DNS:localhost,IP:127.0.0.1"), valid for `days`, and its key."""
        request, key = self.directory / f"{name}.csr", self.directory / f"{name}.key"
        certificate, extra = self.directory / f"{name}.pem", self.directory / f"{name}.ext"
        _openssl("req", *self._new_key(key), "-out", str(request), "-subj", f"/CN={name}")
        extra.write_text(f"subjectAltName={names}\n" if names else "basicConstraints=CA:FALSE\n")
        signer = ["-CA", str(self.certificate), "-CAkey", str(self.key), "-CAcreateserial", "-extfile", str(extra)]
        if days > 0:
            _openssl("x509", "-req", "-in", str(request), "-out", str(certificate), "-days", str(days), *signer)
        else:
            self._sign_for_the_past(request, certificate, extra)
        return certificate, key

    def _sign_for_the_past(self, request: Path, certificate: Path, extra: Path) -> None:
        """`openssl x509` has no start in the past; `openssl ca` has."""
        folder = self.directory / "past"
        folder.mkdir(exist_ok=True)
        (folder / "index.txt").touch()
        config = folder / "ca.cnf"
        config.write_text(
            f"[ca]\ndefault_ca=it\n[it]\ndatabase={folder}/index.txt\nrand_serial=yes\nnew_certs_dir={folder}\n"
            "default_md=sha256\npolicy=any\nunique_subject=no\n[any]\ncommonName=supplied\n"
        )
        now = datetime.datetime.now(datetime.timezone.utc)
        times = [(now - datetime.timedelta(days=days)).strftime("%Y%m%d%H%M%SZ") for days in (3, 2)]
        signer = ["-cert", str(self.certificate), "-keyfile", str(self.key), "-extfile", str(extra), "-batch"]
        period = ["-startdate", times[0], "-enddate", times[1]]
        _openssl("ca", "-config", str(config), "-in", str(request), "-out", str(certificate), *signer, *period)


class Door:
    """Listens and leads each connection to a server behind it, on threads; subclasses say how."""

    def __init__(self, behind: tuple[str, int] | None, family: int = socket.AF_INET, address: Any = None) -> None:
        self.behind = behind
        self.listener = socket.socket(family, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(address if address is not None else ("127.0.0.1", 0))
        self.listener.listen(1024)
        self.connections = 0
        self.peers: list[Any] = []
        self.failures: list[str] = []
        self._open = True
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.listener.getsockname()[1])

    def _accept(self) -> None:
        while self._open:
            try:
                client, peer = self.listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                self.peers.append(peer)
            thread = threading.Thread(target=self._serve, args=(client,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            client.settimeout(HANG_S)
            self.serve(client)

    def serve(self, client: socket.socket) -> None:
        """One connection."""
        self.relay(client)

    def relay(self, client: socket.socket, first: bytes = b"") -> None:
        """Carries bytes both ways until one side ends."""
        assert self.behind is not None
        with socket.create_connection(self.behind, timeout=HANG_S) as server:
            server.sendall(first)
            pumps = {client: server, server: client}
            while self._open:
                waiting = isinstance(client, ssl.SSLSocket) and client.pending() > 0
                ready = [client] if waiting else select.select(list(pumps), [], [], 0.5)[0]
                for source in ready:
                    data = source.recv(65536)
                    if not data:
                        return
                    pumps[source].sendall(data)

    def stop(self) -> None:
        """Ends it and its threads."""
        self._open = False
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self._threads:
            thread.join(HANG_S)


class TlsDoor(Door):
    """Speaks TLS in front of a server that does not."""

    def __init__(
        self,
        behind: tuple[str, int] | None,
        certificate: tuple[Path, Path],
        *,
        client_authority: Path | None = None,
        version: ssl.TLSVersion | None = None,
        serve: Callable[[ssl.SSLSocket], None] | None = None,
    ) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*map(str, certificate))
        if version is not None:
            self.context.minimum_version = self.context.maximum_version = version
        if client_authority is not None:
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(client_authority)
        self.resumed = 0
        self.names: list[str | None] = []
        self.context.sni_callback = lambda _socket, name, _context: self.names.append(name)
        self.own_serve = serve
        super().__init__(behind)

    def serve(self, client: socket.socket) -> None:
        try:
            protected = self.context.wrap_socket(client, server_side=True)
        except (ssl.SSLError, OSError) as error:
            self.failures.append(str(error))
            return
        with protected:
            with self._lock:
                self.resumed += int(bool(protected.session_reused))
            if self.own_serve is not None:
                self.own_serve(protected)
            else:
                self.relay(protected)


class UnixDoor(Door):
    """A socket in the file system in front of a server."""

    def __init__(self, behind: tuple[str, int], path: Path) -> None:
        super().__init__(behind, socket.AF_UNIX, str(path))


class ProxyDoor(Door):
    """An HTTP proxy: CONNECT, and whole URLs (one target for each connection)."""

    def __init__(self, answer: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n") -> None:
        self.answer = answer
        self.heads: list[str] = []
        super().__init__(None)

    def serve(self, client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            data = client.recv(65536)
            if not data:
                return
            head += data
        text = head.decode("latin-1")
        with self._lock:
            self.heads.append(text)
        method, target = text.split(" ")[:2]
        host, port = target.removeprefix("http://").split("/")[0].rsplit(":", 1)
        self.behind = (host, int(port))
        if method == "CONNECT":
            client.sendall(self.answer)
            if b" 200 " in self.answer:
                self.relay(client)
        else:
            self.relay(client, head.replace(f"http://{host}:{port}".encode(), b""))


class FaultDoor(Door):
    """Spoils connections on their way back: what becomes of the n-th one is up to `plan` (n from 0).

    A plan gives (after, how): after so many bytes of the server's, "reset", "close", or "crumbs": from there on bytes
    come in small pieces. None = nothing happens.
    """

    def __init__(self, behind: tuple[str, int], plan: Callable[[int], tuple[int, str] | None]) -> None:
        self.plan = plan
        super().__init__(behind)

    def serve(self, client: socket.socket) -> None:
        with self._lock:
            number = self._served
            self._served += 1
        fault = self.plan(number)
        assert self.behind is not None
        with socket.create_connection(self.behind, timeout=HANG_S) as server:
            passed = 0
            while self._open:
                ready = select.select([client, server], [], [], 0.5)[0]
                if client in ready:
                    data = client.recv(65536)
                    if not data:
                        return
                    server.sendall(data)
                if server in ready:
                    data = server.recv(65536)
                    if not data:
                        return
                    if fault is not None and passed + len(data) > fault[0]:
                        if fault[1] == "crumbs":
                            self._crumble(client, data)
                            continue
                        client.sendall(data[: fault[0] - passed])
                        if fault[1] == "reset":
                            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        return
                    passed += len(data)
                    client.sendall(data)

    _served = 0

    @staticmethod
    def _crumble(client: socket.socket, data: bytes) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        at = 0
        while at < len(data):
            size = 1 + (at * 7) % 23
            client.sendall(data[at : at + size])
            at += size


class Gateway:
    """A program of others in front of a server: nginx (TLS) or nghttpx (with or without), which speak HTTP/2."""

    def __init__(self, command: list[str], directory: Path, port: int) -> None:
        self.port = port
        self._log = (directory / "gateway.log").open("w+b")
        self.process = subprocess.Popen(command, cwd=directory, stdout=self._log, stderr=self._log)
        try:
            wait_until(self._listens, 20, "listening gateway")
        except BaseException:
            self.stop()
            raise

    def _listens(self) -> bool:
        assert self.process.poll() is None, f"the gateway has ended, see {self._log.name}"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def stop(self) -> None:
        """Ends it."""
        stop(self.process)
        self._log.close()


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def needed(program: str, package: str) -> str:
    """Where `program` is; the test is skipped without it (scripts/setup.sh installs its package)."""
    found = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin")
    if found is None:
        pytest.skip(f"{program} is not installed (package {package})")
    return found


def nginx(directory: Path, behind: int, certificate: tuple[Path, Path], streams: int = 128) -> Gateway:
    """nginx with HTTP/2 over TLS, passing answers on as they come."""
    program = needed("nginx", "nginx-light")
    port = free_port()
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "nginx.conf").write_text(f"""
daemon off; master_process off; pid {directory}/pid; error_log {directory}/error.log;
events {{}}
http {{
    access_log {directory}/access.log;
    client_body_temp_path {directory}; proxy_temp_path {directory}; fastcgi_temp_path {directory};
    uwsgi_temp_path {directory}; scgi_temp_path {directory};
    upstream server {{ server 127.0.0.1:{behind}; keepalive 64; }}
    server {{
        listen 127.0.0.1:{port} ssl http2; keepalive_requests 100000;
        http2_max_concurrent_streams {streams};
        ssl_certificate {certificate[0]}; ssl_certificate_key {certificate[1]};
        location / {{
            proxy_pass http://server; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_buffering off; client_max_body_size 64m;
        }}
    }}
}}
""")
    return Gateway([program, "-p", str(directory), "-c", str(directory / "nginx.conf")], directory, port)


def nghttpx(directory: Path, behind: int, certificate: tuple[Path, Path] | None = None, *more: str) -> Gateway:
    """nghttpx, with TLS where there is a certificate, else for clients that know beforehand."""
    program = needed("nghttpx", "nghttp2-proxy")
    port = free_port()
    directory.mkdir(parents=True, exist_ok=True)
    tls = "" if certificate else ";no-tls"
    files = [str(certificate[1]), str(certificate[0])] if certificate else []
    flags = [f"--frontend=127.0.0.1,{port}{tls}", f"--backend=127.0.0.1,{behind}", "--workers=1", "--conf=/dev/null"]
    return Gateway([program, *flags, "--errorlog-file=/dev/stderr", *more, *files], directory, port)
