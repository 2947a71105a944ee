"""Servers of others that answer themselves: uvicorn, and Node over TLS with both versions of HTTP."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from command_support import stop, wait_until
from transport_support import Authority, needed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Command

PEERS = Path(__file__).resolve().parent / "peers"
REQUESTS = 60


class Peer:
    """A server that prints its port."""

    def __init__(self, command: list[str], log: Path) -> None:
        self._log = log.open("w+b")
        self.process = subprocess.Popen(command, cwd=PEERS, stdout=self._log, stderr=self._log)
        try:
            found = wait_until(lambda: re.search(r"(?:port |127\.0\.0\.1:)(\d+)", log.read_text("utf-8")), 30, "port")
        except BaseException:
            self.stop()
            raise
        self.port = int(found.group(1))

    def stop(self) -> None:
        """Ends it."""
        stop(self.process)
        self._log.close()


@pytest.fixture
def peers() -> Iterator[list[Peer]]:
    made: list[Peer] = []
    yield made
    for peer in made:
        peer.stop()


def check(command: Command, url: str, *more: str) -> None:
    for streaming in (True, False):
        args = command.profile_args(url, "--request-count", str(REQUESTS), "--concurrency", "8", *more)
        done = command.start(*(args if streaming else [arg for arg in args if arg != "--streaming"])).wait()
        assert done.exit_code == 0, done.stderr
        records = command.artifacts.records()
        assert len(records) == REQUESTS
        for record in records:
            assert "error" not in record
            assert record["metrics"]["usage_completion_tokens"]["value"] == 4
            assert record["metrics"]["output_sequence_length"]["value"] > 0
            assert ("time_to_first_token" in record["metrics"]) == streaming


def test_uvicorn_is_measured_streaming_and_not(command: Command, peers: list[Peer], tmp_path: Path) -> None:
    if importlib.util.find_spec("uvicorn") is None:
        pytest.skip("uvicorn is not installed (scripts/requirements-dev.txt)")
    server = [sys.executable, "-m", "uvicorn", "uvicorn_app:app", "--host", "127.0.0.1", "--port", "0"]
    peers.append(Peer([*server, "--no-access-log", "--timeout-keep-alive", "1"], tmp_path / "uvicorn.log"))
    check(command, f"http://127.0.0.1:{peers[0].port}", "--workers-max", "3")


@pytest.mark.slow
@pytest.mark.parametrize("version", ["1.1", "2", "auto"])
def test_node_is_measured_over_tls_with_both_versions(
    command: Command, peers: list[Peer], tmp_path: Path, version: str
) -> None:
    node = needed("node", "nodejs, by scripts/setup.sh peers")
    authority = Authority(tmp_path / "authority")
    certificate, key = authority.sign("server", "DNS:localhost")
    peers.append(Peer([node, "node_server.js", str(certificate), str(key)], tmp_path / "node.log"))
    more = ["--tls-ca-file", str(authority.certificate), "--http-version", version, "--workers-max", "3"]
    check(command, f"https://localhost:{peers[0].port}", *more)
