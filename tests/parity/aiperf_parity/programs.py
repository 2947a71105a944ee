"""Starting and stopping the programs under test: the command, and its mock server."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

ROOT = Path(__file__).resolve().parents[3]
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
POLL_S = 0.005


def find_program() -> Path | None:
    """aiperf-cpp: AIPERF_CPP_PROGRAM, or of the tree AIPERF_BUILD_DIR, else the newest in build/, else on PATH."""
    named = os.environ.get("AIPERF_CPP_PROGRAM")
    if named:
        return Path(named).resolve()
    tree = os.environ.get("AIPERF_BUILD_DIR")
    folders = [Path(tree)] if tree else sorted(ROOT.glob("build/*"))
    candidates = [folder / place for folder in folders for place in ("bin/aiperf-cpp", "aiperf-cpp", "src/aiperf-cpp")]
    built = [path for path in candidates if path.is_file()]
    if built:
        return max(built, key=lambda path: path.stat().st_mtime).resolve()
    installed = shutil.which("aiperf-cpp")
    return Path(installed).resolve() if installed else None


def wait_until(condition: Callable[[], Any], timeout_s: float, what: str) -> Any:
    """Polls until `condition` gives something true and returns that. TimeoutError says that `what` did not come."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise TimeoutError(f"within {timeout_s:g} s: no {what}")
        time.sleep(POLL_S)


def clean_environment(extra: Mapping[str, str] | None = None, home: Path | None = None) -> dict[str, str]:
    """The surroundings of a run: ours without settings of AIPerf, 140 columns wide."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIPERF_", "HF_"))}
    kept |= {"COLUMNS": "140", "AIPERF_DATASET_MMAP_CACHE_ENABLED": "false"}
    if home is not None:
        kept["HOME"] = str(home)
    return kept | dict(extra or {})


def stop(process: subprocess.Popen[Any], timeout_s: float = 10.0) -> int:
    """Ends a process: SIGTERM, and SIGKILL where that does not help. Returns its exit code."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


class Mock:
    """`aiperf-cpp mock` on a free port of the loopback, with a log of what it received."""

    def __init__(
        self,
        program: Path,
        workdir: Path,
        script: Mapping[str, Any] | None = None,
        flags: Sequence[str] = (),
    ) -> None:
        workdir.mkdir(parents=True, exist_ok=True)
        self.dump = workdir / "mock_requests.jsonl"
        self._out = workdir / "mock_stdout.txt"
        self._err = workdir / "mock_stderr.txt"
        command = [str(program), "mock", "--port", "0", "--dump", str(self.dump), *flags]
        if script is not None:
            path = workdir / "mock_script.json"
            path.write_text(json.dumps(script), encoding="utf-8")
            command += ["--script", str(path)]
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        try:
            self.url: str = wait_until(self._listening, 20, "line 'listening on' of the mock server")
        except BaseException:
            stop(self.process)
            raise

    def _listening(self) -> str | None:
        if self.process.poll() is not None:
            raise RuntimeError(f"the mock server ended with {self.process.returncode}: {self._err.read_text()}")
        found = re.search(r"listening on (http://\S+)", self._out.read_text(encoding="utf-8"))
        return found.group(1) if found else None

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.url.rsplit(":", 1)[1])

    @property
    def host(self) -> str:
        """host:port, as in a Host header."""
        return self.url.removeprefix("http://")

    def requests(self) -> list[dict[str, Any]]:
        """What is in the log now, in order of arrival. A last line that is being written is left out."""
        if not self.dump.exists():
            return []
        lines = self.dump.read_text(encoding="utf-8").split("\n")[:-1]
        return sorted((json.loads(line) for line in lines if line.strip()), key=lambda request: request["i"])

    def over(self) -> int:
        """How many requests are over, as far as the log says."""
        if not self.dump.exists():
            return 0
        return self.dump.read_bytes().count(b"\n")

    def wait_over(self, count: int, timeout_s: float = 30.0) -> None:
        """Waits until `count` requests are over: answered, or left by the client."""
        wait_until(lambda: self.over() >= count, timeout_s, f"{count} finished requests at the mock server")

    def connections(self) -> int:
        """Connections which clients hold open now."""
        return _established_to(self.port)

    def wait_arrived(self, count: int, timeout_s: float = 30.0) -> None:
        """Waits until `count` requests have arrived, counting those over and, at most, one per open connection."""

        def arrived() -> bool:
            return self.over() + self.connections() >= count

        wait_until(arrived, timeout_s, f"{count} requests at the mock server")

    def stop(self) -> list[dict[str, Any]]:
        """Ends the server and returns the whole log."""
        stop(self.process)
        return self.requests()


def _established_to(port: int) -> int:
    suffix, count = f":{port:04X}", 0
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        count += fields[1].endswith(suffix) and fields[3] == "01"
    return count


def normalise_requests(requests: list[dict[str, Any]], host: str) -> list[dict[str, Any]]:
    """Puts the golden placeholders into a log: {HOST}, {REQUEST_ID}, {SESSION:n} in order of first use.

    The session's own id is kept as `session`.
    """
    sessions: dict[str, str] = {}
    return [_normalise(dict(request), host, sessions) for request in requests]


def _normalise(request: dict[str, Any], host: str, sessions: dict[str, str]) -> dict[str, Any]:
    headers = []
    for name, value in request["headers"]:
        shown = value.replace(host, "{HOST}")
        if name == "X-Request-ID":
            request["x_request_id"] = value
            shown = "{REQUEST_ID}"
        elif UUID.fullmatch(value):
            request.setdefault("session", value)
            shown = sessions.setdefault(value, f"{{SESSION:{len(sessions)}}}")
        headers.append([name, shown])
    request["headers"] = headers
    if isinstance(request.get("body"), str):
        request["body"] = _parsed(request["body"])
    return request


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def send_signals(
    process: subprocess.Popen[Any], mock: Mock, signals: Sequence[Mapping[str, Any]], timeout_s: float
) -> None:
    """Sends each signal once its number of requests has arrived, and `wait_s` after that where it is given."""
    for entry in signals:
        deadline = time.monotonic() + timeout_s

        def due(entry: Mapping[str, Any] = entry) -> bool:
            return process.poll() is not None or mock.over() + mock.connections() >= entry["after_requests"]

        wait_until(due, deadline - time.monotonic(), f"{entry['after_requests']} requests before {entry['signal']}")
        if entry.get("wait_s"):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(entry["wait_s"])
        if process.poll() is not None:
            return
        process.send_signal(signal.Signals[entry["signal"]])
