"""Run by test_offline.py in a network namespace that has nothing but loopback: a whole benchmark in every way."""

from __future__ import annotations

import fcntl
import json
import socket
import struct
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Literal

SIOCSIFFLAGS = 0x8914
IFF_UP = 1
HANG_S = 60.0


def bring_loopback_up() -> None:
    """As `ip link set lo up`."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh", b"lo", IFF_UP))


def wait_for_text(path: Path, child: subprocess.Popen[bytes]) -> str:
    """What a file holds once there is something in it."""
    deadline = time.monotonic() + HANG_S
    while not (path.exists() and path.read_text(encoding="utf-8").strip()):
        assert child.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return path.read_text(encoding="utf-8")


def run_command(program: str, url: str, tokenizer: str, backend: str) -> None:
    """By the command, with a results server that is asked while it holds."""
    folder = Path(backend)
    flags = ["--url", url, "-m", "m", "--tokenizer", tokenizer, "--streaming", "--isl", "12", "--request-count", "20"]
    flags += ["--concurrency", "4", "--workers-max", "2", "--warmup-request-count", "4", "--ui", "none"]
    flags += ["--backend", backend, "--api-port", "0", "--artifact-dir", str(folder), "--wait-for-model-timeout", "30"]
    with subprocess.Popen([program, "profile", *flags]) as run:
        api = json.loads(wait_for_text(folder / "api.json", run))
        request = urllib.request.Request(f"{api['url']}/api/results")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=HANG_S) as answer:
            assert json.load(answer)["status"] in ("running", "complete")
        assert run.wait(HANG_S) == 0


def run_python(url: str, tokenizer: str, backend: Literal["thread", "process"]) -> None:
    """By the Python package."""
    import aiperf_cpp as ap  # noqa: PLC0415 (the module is what is tested here)

    result = ap.profile(
        url=url,
        model="m",
        streaming=True,
        tokenizer=tokenizer,
        isl=12,
        backend=backend,
        artifact_directory=f"python-{backend}",
    )
    assert result.valid == 10
    assert ap.load(f"python-{backend}").valid == 10


def main(program: str, tokenizer: str) -> None:
    bring_loopback_up()
    mock = [program, "mock", "--port", "0", "--port-file", "port", "--output-tokens", "8", "--ttft-ms", "5"]
    with subprocess.Popen(mock) as server:
        try:
            # A name: it is looked up, and must not be asked of anybody outside.
            url = f"localhost:{wait_for_text(Path('port'), server).strip()}"
            backends: tuple[Literal["thread", "process"], ...] = ("thread", "process")
            for backend in backends:
                run_command(program, url, tokenizer, backend)
                run_python(url, tokenizer, backend)
        finally:
            server.terminate()
    print("all runs done")


if __name__ == "__main__":
    main(*sys.argv[1:])
