"""The stubs and the generated names are those of the compiled module."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

import aiperf_cpp as ap
from aiperf_cpp import _core, _options
from conftest import build_dir

ROOT = Path(__file__).resolve().parents[2]

# pybind11's own marks on every class, which stubs do not repeat.
ALLOWED = r"""
aiperf_cpp\._core\.[A-Z]\w*
aiperf_cpp\._core\.\w+\.__init__
aiperf_cpp\._core\.\w+\.__new__
"""


def test_the_stub_is_that_of_the_module(tmp_path: Path) -> None:
    allowlist = tmp_path / "allowed.txt"
    allowlist.write_text(ALLOWED, encoding="utf-8")
    command = [sys.executable, "-m", "mypy.stubtest", "aiperf_cpp._core", "--allowlist", str(allowlist)]
    done = subprocess.run(
        [*command, "--ignore-unused-allowlist"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_option_names_are_those_of_the_table() -> None:
    generator = ROOT / "scripts" / "generate_python_options.py"
    command = [sys.executable, str(generator), str(build_dir()), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"out of date; run `{generator.relative_to(ROOT)} build/dev`{done.stderr}"


def test_every_typed_option_is_taken_and_read_back() -> None:
    fields = {option["key"] for option in _core.options()}
    assert {_core.option_key(name) for name in get_type_hints(_options.RunOptions)} == fields
    config = ap.RunConfig()
    assert {name: getattr(config, name) for name in sorted(fields)} == dict(sorted(config.to_dict().items()))


def test_what_is_exported_is_sorted_and_there() -> None:
    names = ap.__all__
    assert names == sorted(names)
    assert all(hasattr(ap, name) for name in names)
