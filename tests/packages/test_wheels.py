"""The wheels of `make wheels`: contents, and benchmarks from bare environments without a compiler on PATH."""

from __future__ import annotations

import os
import re
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest
from package_support import check_benchmarks, mock_server, run

FOLDER = Path(os.environ.get("AIPERF_WHEEL_DIR", "dist"))
WHEELS = sorted(FOLDER.glob("*.whl"))
LARGEST_BYTES = 20_000_000

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def python_of(wheel: Path) -> str:
    """The interpreter a wheel is for: "cp311" is python3.11."""
    found = re.search(r"-cp3(\d+)-", wheel.name)
    assert found, wheel.name
    name = f"python3.{found[1]}"
    given = os.environ.get("AIPERF_PYTHONS", "").split()
    return next((python for python in given if Path(python).name == name), name)


@pytest.fixture(scope="module", params=WHEELS, ids=[wheel.name for wheel in WHEELS])
def wheel(request: pytest.FixtureRequest) -> Path:
    path = request.param
    assert isinstance(path, Path)
    return path


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bare environment with the wheel and what it asks for."""
    folder = tmp_path_factory.mktemp("venv")
    env = {"PATH": "/usr/bin:/bin", "HOME": str(folder)}
    run(python_of(wheel), "-m", "venv", folder, cwd=folder, env=env)
    index = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    run(folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--only-binary", ":all:", wheel, cwd=folder,
        env={**env, **index, "HOME": str(Path.home()), "PATH": bare_path(folder)["PATH"]})  # fmt: skip
    return folder


def bare_path(environment: Path) -> dict[str, str]:
    """No compiler, no system tools."""
    return {"PATH": str(environment / "bin"), "HOME": str(environment)}


def test_there_are_wheels() -> None:
    assert WHEELS, f"no wheels in {FOLDER.resolve()}; `make wheels` builds them"


def test_a_wheel_is_manylinux_small_and_holds_what_it_promises(wheel: Path) -> None:
    assert re.search(r"-manylinux_2_\d+_\w+\.whl$", wheel.name)
    assert wheel.stat().st_size < LARGEST_BYTES
    names = zipfile.ZipFile(wheel).namelist()
    assert {"aiperf_cpp/__init__.py", "aiperf_cpp/_core.pyi", "aiperf_cpp/py.typed"} <= set(names)
    assert [name for name in names if re.fullmatch(r"aiperf_cpp/_core\.[\w-]+\.so", name)]
    for program in ("aiperf-cpp", "aiperf-helper"):
        assert [name for name in names if name.endswith(f"/{program}")], program
    assert [name for name in names if name.endswith("licenses/LICENSE")]
    known = re.compile(r"aiperf_cpp(-[\d.]+\.(data|dist-info)|\.libs|\.scripts)?/")
    assert not [name for name in names if not known.match(name)]
    assert not [name for name in names if re.search(r"\.(a|hpp|cpp|cmake|pyc)$|tests?/", name)]


def test_no_compiler_is_within_reach(environment: Path) -> None:
    for tool in ("cc", "gcc", "c++", "g++", "cmake", "cargo", "ninja"):
        assert not (environment / "bin" / tool).exists(), tool


def test_the_installed_command_benchmarks_its_own_mock_server(environment: Path, tmp_path: Path) -> None:
    check_benchmarks(environment / "bin" / "aiperf-cpp", tmp_path, bare_path(environment))


@pytest.mark.parametrize("backend", ["thread", "process"])
def test_the_installed_module_benchmarks(environment: Path, tmp_path: Path, backend: str) -> None:
    script = (
        "import sys, aiperf_cpp as ap\n"
        "result = ap.profile(url=sys.argv[1], model='m', streaming=True, tokenizer='builtin', isl=12,"
        " backend=sys.argv[2])\n"
        "print(result.valid, len(result.records), ap.__version__)"
    )
    env = bare_path(environment)
    program = environment / "bin" / "aiperf-cpp"
    with mock_server(program, tmp_path, env) as address:
        printed = run(environment / "bin" / "python", "-c", script, address, backend, cwd=tmp_path, env=env)
    valid, records, version = printed.split()
    assert (valid, records) == ("10", "10")
    assert version in run(program, "--version", cwd=tmp_path, env=env)


def test_every_library_a_wheel_needs_is_in_it_or_in_every_linux(environment: Path) -> None:
    # those that the manylinux policies suppose to be there
    everywhere = re.compile(r"linux-vdso|ld-linux|lib(c|m|dl|rt|pthread|gcc_s|stdc\+\+|z)\.so")
    (package,) = environment.glob("lib/python3.*/site-packages")
    binaries = [*package.glob("aiperf_cpp/_core*.so"), *package.glob("aiperf_cpp.scripts/*")]
    assert binaries
    for binary in binaries:
        done = subprocess.run(["ldd", str(binary)], capture_output=True, text=True, check=True)
        for line in done.stdout.splitlines():
            assert str(package) in line or everywhere.search(line), f"{binary.name}: {line}"
            assert "not found" not in line


def test_the_source_distribution_holds_the_sources_and_nothing_built() -> None:
    (path,) = FOLDER.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = [name.partition("/")[2] for name in archive.getnames()]
    assert {"CMakeLists.txt", "pyproject.toml", "LICENSE", "README.md", "include/aiperf/aiperf.hpp"} <= set(names)
    assert "src/dataset/tokenizers/Cargo.lock" in names
    assert not [name for name in names if re.search(r"\.(o|a|so|whl|pyc)$|^build/|^\.venv|^\.ci/|^dist/", name)]
