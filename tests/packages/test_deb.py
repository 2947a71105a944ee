"""The Debian packages of `make deb`, unpacked into an empty folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from package_support import check_benchmarks, mock_server, run

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("AIPERF_DEB_DIR", "dist"))
ENV = {"PATH": "/usr/bin:/bin"}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def package(name: str) -> Path:
    (path,) = FOLDER.glob(f"{name}_*.deb")
    return path


def field(name: str, what: str) -> str:
    return run("dpkg-deb", "--field", package(name), what, cwd=ROOT, env=ENV).strip()


def files(name: str) -> list[str]:
    lines = run("dpkg-deb", "--contents", package(name), cwd=ROOT, env=ENV).splitlines()
    return [line.split()[5].removeprefix(".") for line in lines if not line.startswith("d")]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both packages, unpacked."""
    folder = tmp_path_factory.mktemp("root")
    for name in ("aiperf-cpp", "libaiperf-dev"):
        run("dpkg-deb", "--extract", package(name), folder, cwd=folder, env=ENV)
    return folder


def test_the_program_package_holds_two_programs_and_a_licence() -> None:
    assert sorted(files("aiperf-cpp")) == [
        "/usr/bin/aiperf-cpp",
        "/usr/libexec/aiperf/aiperf-helper",
        "/usr/share/doc/aiperf-cpp/copyright",
    ]


def test_the_development_package_holds_headers_library_and_cmake_package() -> None:
    names = files("libaiperf-dev")
    assert "/usr/include/aiperf/aiperf.hpp" in names
    assert [name for name in names if name.endswith("/libaiperf.a")]
    assert [name for name in names if name.endswith("/cmake/aiperf/aiperf-config.cmake")]
    assert not [name for name in names if not re.match(r"/usr/(include/aiperf|lib|share/doc/[\w-]+)/", name)]
    ours = {path.relative_to(ROOT / "include") for path in (ROOT / "include").rglob("*.hpp")}
    assert {Path(name).relative_to("/usr/include") for name in names if name.endswith(".hpp")} == ours


def test_dependencies_are_those_of_the_program() -> None:
    depends = field("aiperf-cpp", "Depends")
    for library in ("libc6", "libstdc++6", "libspdlog1.10", "libfmt9"):
        assert library in depends
    assert "-dev" not in depends
    assert "libspdlog-dev" in field("libaiperf-dev", "Depends")
    assert re.fullmatch(r"\d+\.\d+\.\d+", field("aiperf-cpp", "Version"))


def test_dpkg_finds_the_dependencies_met_and_installs(tmp_path: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("dpkg wants to be root")
    folder = tmp_path / "root"
    state = folder / "var" / "lib" / "dpkg"
    (state / "updates").mkdir(parents=True)
    (state / "info").mkdir()
    shutil.copy("/var/lib/dpkg/status", state / "status")  # of this machine, which has the libraries
    command = ["dpkg", f"--root={folder}", "--force-not-root", "--install", str(package("aiperf-cpp"))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    status = run("dpkg-query", f"--admindir={state}", "-W", "-f=${Status}", "aiperf-cpp", cwd=tmp_path, env=ENV)
    assert status == "install ok installed"
    assert (folder / "usr" / "bin" / "aiperf-cpp").is_file()


def test_the_unpacked_program_benchmarks_its_own_mock_server(root: Path, tmp_path: Path) -> None:
    check_benchmarks(root / "usr" / "bin" / "aiperf-cpp", tmp_path, {**ENV, "HOME": str(tmp_path)})


def test_the_examples_build_against_the_unpacked_packages_and_run(root: Path, tmp_path: Path) -> None:
    build = tmp_path / "build"
    prefix = f"-DCMAKE_PREFIX_PATH={root / 'usr'}"
    run("cmake", "-S", ROOT / "examples" / "cpp", "-B", build, "-G", "Ninja", prefix, cwd=tmp_path, env=ENV)
    run("cmake", "--build", build, cwd=tmp_path, env=ENV)
    with mock_server(root / "usr" / "bin" / "aiperf-cpp", tmp_path, ENV) as address:
        for example in ("one_benchmark", "own_endpoint", "watch_live"):
            assert run(build / example, address, "m", cwd=tmp_path, env=ENV)
