"""What docs/results-server.md shows is run as it stands there, and the tests it names exist."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from command_support import HANG_S, TOKENIZER, chat_script
from conftest import build_dir
from ending_support import UNHURRIED, api_url, free_port

if TYPE_CHECKING:
    from conftest import Command, MockFactory

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "results-server.md").read_text(encoding="utf-8")


def block(name: str) -> str:
    """The fenced block after the comment `tested: NAME`."""
    found = re.search(rf"<!-- tested: {name} -->\n```\w*\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None, f"docs/results-server.md has no block {name}"
    return found.group(1)


def run(*command: str | Path, cwd: Path) -> str:
    """Runs a command that must succeed, with the built program on PATH; gives what it printed."""
    environment = os.environ | {"PATH": f"{build_dir() / 'bin'}:{os.environ['PATH']}"}
    environment |= {"AIPERF_API_SERVER_POST_COMPLETE_GRACE": "1"}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=HANG_S
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def as_written(name: str, mock: MockFactory) -> str:
    """A recipe with the addresses of this test; it waits for what it has started."""
    port = free_port()
    text = block(name).replace("localhost:8000", mock(chat_script()).host).replace("9090", str(port))
    return text.replace("--tokenizer builtin", f"--tokenizer {TOKENIZER}") + "wait\n"


def test_the_recipe_with_curl_ends_with_the_summary(mock: MockFactory, tmp_path: Path) -> None:
    printed = run("bash", "-uc", as_written("curl", mock), cwd=tmp_path)
    body = json.loads(printed.splitlines()[-1].removeprefix("ok"))
    assert (body["status"], body["results"]["results"]["successful_request_count"]) == ("complete", 200)
    summary = json.loads((tmp_path / "profile_export_aiperf.json").read_text(encoding="utf-8"))
    assert summary["request_count"]["avg"] == 200


def test_the_recipe_in_python_fetches_every_file(command: Command, mock: MockFactory, tmp_path: Path) -> None:
    server = mock(chat_script(UNHURRIED))
    flags = ["--request-count", "5", "--api-port", "0"]
    running = command.start_profile(server.url, *flags, env={"AIPERF_API_SERVER_POST_COMPLETE_GRACE": "1"})
    text = block("python").replace("http://localhost:9090", api_url(command.artifacts.directory))
    fetched = tmp_path / "fetched"
    fetched.mkdir()
    assert run(sys.executable, "-c", text, cwd=fetched) == "complete 0\n"
    assert running.wait().exit_code == 0
    for path in fetched.iterdir():
        assert path.read_bytes() == (command.artifacts.directory / path.name).read_bytes()
    assert (fetched / "profile_export.jsonl").exists()


def test_the_recipe_with_wait_exits_with_the_code_of_the_run(mock: MockFactory, tmp_path: Path) -> None:
    lines = as_written("wait", mock).replace("--timeout 600\n", '--timeout 600; echo "code $?"\n')
    assert run("bash", "-uc", lines, cwd=tmp_path) == "complete\ncode 0\n"


def table() -> dict[int, tuple[list[str], list[str]]]:
    """Row by row: the Python and the C++ tests it names."""
    rows = {}
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if len(cells) == 4 and cells[0].isdigit():
            rows[int(cells[0])] = (re.findall(r"`(test_\w+)`", cells[3]), re.findall(r'"([^"]+)"', cells[3]))
    return rows


def test_every_ending_has_tests_and_they_exist() -> None:
    rows = table()
    assert set(rows) == {*range(1, 33), *range(34, 49)}
    python = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests" / "python").glob("test_*.py"))
    cpp = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests" / "cpp").rglob("*.cpp"))
    for number, (python_tests, cpp_tests) in rows.items():
        assert python_tests or cpp_tests, number
        assert [name for name in python_tests if f"def {name}(" not in python] == []
        assert [name for name in cpp_tests if f'TEST_CASE("{name}")' not in cpp] == []
