"""What the Python tests share: where the build is, the command, a mock server of their own."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from command_support import TOKENIZER, Artifacts, Finished, Mock, Running, find_program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

ROOT = Path(__file__).resolve().parents[2]


def build_dir() -> Path:
    """The build tree under test: AIPERF_BUILD_DIR, or the development tree."""
    return Path(os.environ.get("AIPERF_BUILD_DIR", ROOT / "build" / "dev")).resolve()


# The package of the build tree (links to python/aiperf_cpp beside the compiled module), for tests and their children.
PACKAGE_DIR = build_dir() / "python"
sys.path.insert(0, str(PACKAGE_DIR))
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(PACKAGE_DIR), os.environ.get("PYTHONPATH")]))


def pytest_configure() -> None:
    """Signals that whoever started the tests ignores (nohup, a background job) are not ignored by what they start."""
    if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def program() -> Path:
    """The executable aiperf-cpp under test: AIPERF_CPP_PROGRAM, of the build tree, or on PATH."""
    path = find_program()
    assert path is not None, "no program aiperf-cpp; run `make build`, or name it in AIPERF_CPP_PROGRAM"
    assert path.exists(), f"{path} is missing; run `make build`"
    return path


class MockFactory(Protocol):
    """Starts a mock server that ends with the test."""

    def __call__(self, script: Mapping[str, Any] | None = None, flags: Sequence[str] = ()) -> Mock: ...


class Command:
    """Starts the command in a folder of the test's own."""

    def __init__(self, program: Path, workdir: Path) -> None:
        self.program = program
        self.workdir = workdir
        self.artifacts = Artifacts(workdir / "artifacts")
        self._started: list[Running] = []

    def start(
        self, *args: str, env: Mapping[str, str] | None = None, preexec: Callable[[], None] | None = None
    ) -> Running:
        """Starts `aiperf-cpp args...`."""
        running = Running([str(self.program), *args], self.workdir, env, preexec)
        self._started.append(running)
        return running

    def run(self, *args: str, **options: Any) -> Finished:
        """Starts and waits."""
        return self.start(*args, **options).wait()

    def profile_args(self, url: str, *args: str) -> list[str]:
        """A streaming chat run of short prompts, with what every test wants said."""
        flags = ["-m", "m", "--url", url, "--tokenizer", str(TOKENIZER), "--ui", "none", "--streaming", "--isl", "12"]
        flags += ["--random-seed", "1"] if "--random-seed" not in args else []
        return ["profile", *flags, "--artifact-dir", str(self.artifacts.directory), *args]

    def start_profile(self, url: str, *args: str, **options: Any) -> Running:
        """Starts such a run."""
        return self.start(*self.profile_args(url, *args), **options)

    def profile(self, url: str, *args: str, **options: Any) -> Finished:
        """Starts such a run and waits."""
        return self.start_profile(url, *args, **options).wait()

    def stop(self) -> None:
        """Ends everything it started."""
        for running in self._started:
            running.stop()


@pytest.fixture
def workdir(tmp_path: Path) -> Path:
    """A folder of the test's own."""
    path = tmp_path / "work"
    path.mkdir()
    return path


@pytest.fixture
def command(program: Path, workdir: Path) -> Iterator[Command]:
    """The command; what it started is ended with the test."""
    command = Command(program, workdir)
    yield command
    command.stop()


@pytest.fixture
def mock(program: Path, tmp_path: Path) -> Iterator[MockFactory]:
    """A factory of mock servers, which end with the test."""
    servers: list[Mock] = []

    def start(script: Mapping[str, Any] | None = None, flags: Sequence[str] = ()) -> Mock:
        servers.append(Mock(program, tmp_path / f"mock{len(servers)}", script, flags))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()
