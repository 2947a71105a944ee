"""The library as other projects use it: installed and found, or added as a folder."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from api_support import SHORT
from command_support import TOKENIZER
from conftest import build_dir

if TYPE_CHECKING:
    from conftest import MockFactory

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "cpp"


def run(*command: str | Path, cwd: Path) -> str:
    """Runs a command that must succeed; gives what it printed."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def check_example(example: Path, mock: MockFactory, folder: Path) -> None:
    printed = run(example, mock(flags=SHORT).host, "m", TOKENIZER, cwd=folder)
    assert re.fullmatch(
        r"complete: 40 good answers\ntime_to_first_token p99: [\d.]+\nrequest_latency p99: [\d.]+\n", printed
    )


def check_examples(build: Path, mock: MockFactory, folder: Path) -> None:
    """Runs all three against a mock server."""
    check_example(build / "one_benchmark", mock, folder)
    server = mock(flags=SHORT)
    printed = run(build / "own_endpoint", server.host, "m", cwd=folder)
    assert re.fullmatch(r"20 good answers of \d+ tokens\n", printed)
    assert not printed.endswith(" 0 tokens\n")
    watched = run(build / "watch_live", server.host, "m", "0", cwd=folder).splitlines()
    assert watched[-1] == "complete: 80 requests seen, 0 errors"
    assert len([line for line in watched if re.fullmatch(r"request \d+ took [\d.]+ ms", line)]) == 80


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The build tree, installed into an empty folder."""
    folder = tmp_path_factory.mktemp("prefix")
    run("cmake", "--install", build_dir(), "--prefix", folder, cwd=folder)
    return folder


def test_headers_library_program_and_licence_are_installed(prefix: Path) -> None:
    assert (prefix / "include" / "aiperf" / "aiperf.hpp").is_file()
    assert (prefix / "lib" / "libaiperf.a").is_file()
    assert (prefix / "share" / "doc" / "aiperf" / "LICENSE").is_file()
    assert re.search(r"\d+\.\d+\.\d+", run(prefix / "bin" / "aiperf-cpp", "--version", cwd=prefix))


def test_the_installed_package_names_no_place_of_this_machine(prefix: Path) -> None:
    for path in (prefix / "lib" / "cmake" / "aiperf").iterdir():
        assert str(ROOT) not in path.read_text(encoding="utf-8"), path.name


@pytest.mark.timeout(300)
def test_the_examples_build_against_the_installed_library_and_run(
    prefix: Path, mock: MockFactory, tmp_path: Path
) -> None:
    build = tmp_path / "example"
    run("cmake", "-S", EXAMPLE, "-B", build, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}", cwd=tmp_path)
    run("cmake", "--build", build, cwd=tmp_path)
    check_examples(build, mock, tmp_path)


@pytest.mark.timeout(120)
def test_another_minor_version_is_refused(prefix: Path, tmp_path: Path) -> None:
    text = (EXAMPLE / "CMakeLists.txt").read_text(encoding="utf-8")
    (tmp_path / "CMakeLists.txt").write_text(text.replace("aiperf 0.1", "aiperf 0.2"), encoding="utf-8")
    command = ["cmake", "-S", str(tmp_path), "-B", str(tmp_path / "build"), f"-DCMAKE_PREFIX_PATH={prefix}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert 'requested version "0.2"' in " ".join(done.stderr.split())


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_examples_build_with_the_library_as_a_folder_and_run(mock: MockFactory, tmp_path: Path) -> None:
    (tmp_path / "CMakeLists.txt").write_text(
        f"""cmake_minimum_required(VERSION 3.25)
project(consumer LANGUAGES CXX)
add_subdirectory({ROOT} aiperf)
foreach(example one_benchmark own_endpoint watch_live)
    add_executable(${{example}} {EXAMPLE}/${{example}}.cpp)
    target_link_libraries(${{example}} PRIVATE aiperf::aiperf)
endforeach()
""",
        encoding="utf-8",
    )
    build = tmp_path / "build"
    cargo = f"-DAIPERF_CARGO_TARGET_DIR={ROOT}/build/cargo"
    run("cmake", "-S", tmp_path, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", cargo, cwd=tmp_path)
    examples = ("one_benchmark", "own_endpoint", "watch_live")
    run("cmake", "--build", build, "--target", *examples, cwd=tmp_path)
    check_examples(build, mock, tmp_path)
    assert not (build / "aiperf" / "tests").exists()
