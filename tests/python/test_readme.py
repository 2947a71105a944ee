"""What README.md shows is run, as it stands there, against a mock server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from conftest import build_dir

if TYPE_CHECKING:
    from conftest import MockFactory

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ADDRESS = "localhost:8000"


def block(name: str) -> str:
    """The fenced block after the comment `tested: NAME`."""
    found = re.search(rf"<!-- tested: {name} -->\n```\w*\n(.*?)```", README, re.DOTALL)
    assert found is not None, f"README.md has no block {name}"
    return found.group(1)


def run(*command: str | Path, cwd: Path) -> str:
    """Runs a command that must succeed, with the built program on PATH; gives what it printed."""
    environment = os.environ | {"PATH": f"{build_dir() / 'bin'}:{os.environ['PATH']}", "COLUMNS": "140"}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture
def address(mock: MockFactory) -> str:
    return mock(flags=["--ttft-ms", "5", "--itl-ms", "1", "--output-tokens", "8"]).host


def metric_names(table: str) -> list[str]:
    """First cells of a table's rows that name a metric."""
    return [row.split("│")[1].strip() for row in table.splitlines() if row.startswith("│") and "(" in row]


def test_the_shell_example_prints_what_the_picture_shows(address: str, tmp_path: Path) -> None:
    printed = run("bash", "-euc", block("shell").replace(ADDRESS, address), cwd=tmp_path)
    shown = metric_names(block("picture"))
    assert len(shown) > 5
    assert [name for name in metric_names(printed) if name in shown] == shown
    header = re.search(r"┃ +Metric ┃.*", block("picture"))
    assert header is not None
    columns = re.findall(r"\w+", header.group())
    assert any(re.findall(r"\w+", line) == columns for line in printed.splitlines())
    assert set(re.findall(r"profile_export\w*\.\w+", README)) <= {path.name for path in tmp_path.rglob("*")}


def test_the_python_example_runs(address: str, tmp_path: Path) -> None:
    printed = run(sys.executable, "-c", block("python").replace(ADDRESS, address), cwd=tmp_path).splitlines()
    ttft, mean = (float(line.removesuffix(" ms")) for line in printed[:2])
    assert ttft >= mean >= 5
    assert printed[-2].startswith("<Snapshot done: 64 of 64 done")
    assert printed[-1] == "complete"


@pytest.mark.timeout(300)
def test_the_cpp_example_builds_and_runs(address: str, tmp_path: Path) -> None:
    run("cmake", "--install", build_dir(), "--prefix", tmp_path / "prefix", cwd=tmp_path)
    (tmp_path / "CMakeLists.txt").write_text(block("cmake"), encoding="utf-8")
    (tmp_path / "main.cpp").write_text(block("cpp").replace(ADDRESS, address), encoding="utf-8")
    build = tmp_path / "build"
    run("cmake", "-S", tmp_path, "-B", build, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={tmp_path / 'prefix'}", cwd=tmp_path)
    run("cmake", "--build", build, cwd=tmp_path)
    assert re.fullmatch(r"[\d.]+ ms\n", run(build / "my_benchmark", cwd=tmp_path))


def test_the_commands_named_in_the_documents_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for page in ("README.md", "CONTRIBUTING.md"):
        named = set(re.findall(r"`make ([a-z-]+)`", (ROOT / page).read_text(encoding="utf-8")))
        assert named <= targets, page


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/architecture.md"])
def test_links_point_to_files(page: str) -> None:
    path = ROOT / page
    links = [link for link in re.findall(r"\]\(([^)#]+)", path.read_text(encoding="utf-8")) if "://" not in link]
    assert links
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_the_packages_named_in_the_readme_are_those_that_are_installed() -> None:
    setup = (ROOT / "scripts" / "setup.sh").read_text(encoding="utf-8")
    wanted = re.search(r"BUILD_PACKAGES=\((.*?)\)", setup, re.DOTALL)
    assert wanted is not None
    faster = {"make", "ccache", "mold"}
    assert [name for name in wanted.group(1).split() if name not in README and name not in faster] == []
