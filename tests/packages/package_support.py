"""Programs from a package, run as where nothing else is: a bare PATH, a mock server of the package's own."""

from __future__ import annotations

import contextlib
import subprocess
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

HANG_S = 60.0


def run(*command: str | Path, cwd: Path, env: Mapping[str, str]) -> str:
    """Runs a command that must succeed; gives what it printed."""
    done = subprocess.run(command, cwd=cwd, env=dict(env), capture_output=True, text=True, check=False, timeout=1200)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@contextlib.contextmanager
def mock_server(program: Path, folder: Path, env: Mapping[str, str]) -> Iterator[str]:
    """The address of a mock server that `program` runs, until the end."""
    port_file = folder / "port"
    command = [str(program), "mock", "--port", "0", "--port-file", str(port_file), "--output-tokens", "8"]
    with subprocess.Popen(command, cwd=folder, env=dict(env), stdout=subprocess.DEVNULL) as server:
        try:
            deadline = time.monotonic() + HANG_S
            while not (port_file.exists() and port_file.read_text(encoding="utf-8").strip()):
                assert server.poll() is None, f"the mock server ended with {server.returncode}"
                assert time.monotonic() < deadline
                time.sleep(0.02)
            yield f"127.0.0.1:{port_file.read_text(encoding='utf-8').strip()}"
        finally:
            server.terminate()


def check_benchmarks(program: Path, folder: Path, env: Mapping[str, str]) -> None:
    """The program measures its own mock server, by threads and by processes, with a results server."""
    with mock_server(program, folder, env) as address:
        for backend in ("thread", "process"):
            artifacts = folder / backend
            flags = ["--url", address, "-m", "m", "--tokenizer", "builtin", "--isl", "12", "--streaming"]
            flags += ["--request-count", "20", "--backend", backend, "--api-port", "0"]
            grace = {"AIPERF_API_SERVER_POST_COMPLETE_GRACE": "0"}
            printed = run(program, "profile", *flags, "--artifact-dir", artifacts, cwd=folder, env={**env, **grace})
            assert "Time to First Token" in printed
            assert (artifacts / "profile_export_aiperf.json").is_file()
