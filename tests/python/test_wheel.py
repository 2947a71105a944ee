"""`pip install .` as a user would: module, stubs and the command on PATH, in an environment of its own."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from api_support import SHORT
from command_support import TOKENIZER

if TYPE_CHECKING:
    from conftest import MockFactory

ROOT = Path(__file__).resolve().parents[2]
LARGEST_BYTES = 15_000_000

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def run(*command: str | Path, cwd: Path) -> str:
    """Runs a command that must succeed, outside this test's package path; gives what it printed."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(Path.home())}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    shared = f"--config-settings=cmake.define.AIPERF_CARGO_TARGET_DIR={ROOT}/build/cargo"
    run(sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", folder, shared, ROOT, cwd=folder)
    (path,) = folder.glob("aiperf_cpp-*.whl")
    return path


def test_the_wheel_is_small_and_holds_module_stubs_and_command(wheel: Path) -> None:
    assert wheel.stat().st_size < LARGEST_BYTES
    names = zipfile.ZipFile(wheel).namelist()
    assert {"aiperf_cpp/__init__.py", "aiperf_cpp/_core.pyi", "aiperf_cpp/py.typed"} <= set(names)
    assert any(name.startswith("aiperf_cpp/_core.") and name.endswith(".so") for name in names)
    assert any(name.endswith("/scripts/aiperf-cpp") for name in names)
    assert not [name for name in names if name.endswith((".a", ".hpp", ".cmake"))]


def test_an_installed_wheel_benchmarks_from_python_and_from_the_shell(
    wheel: Path, mock: MockFactory, tmp_path: Path
) -> None:
    environment = tmp_path / "venv"
    venv.create(environment, with_pip=True)
    python, command = environment / "bin" / "python", environment / "bin" / "aiperf-cpp"
    run(python, "-m", "pip", "install", "--quiet", wheel, cwd=tmp_path)
    address = mock(flags=SHORT).host
    script = (
        f"import aiperf_cpp as ap\n"
        f"result = ap.profile(url={address!r}, model='m', streaming=True, tokenizer={str(TOKENIZER)!r}, isl=12)\n"
        f"print(result.valid, ap.__version__)"
    )
    valid, version = run(python, "-c", script, cwd=tmp_path).split()
    assert valid == "10"
    assert version in run(command, "--version", cwd=tmp_path)
    run(command, "profile", "--url", address, "-m", "m", "--tokenizer", TOKENIZER, "--isl", "12", cwd=tmp_path)
