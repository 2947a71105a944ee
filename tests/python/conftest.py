"""What the Python tests share: where the build is, and a mock server of their own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def build_dir() -> Path:
    """The build tree under test: AIPERF_BUILD_DIR, or the development tree."""
    return Path(os.environ.get("AIPERF_BUILD_DIR", ROOT / "build" / "dev")).resolve()


# The package of the build tree (links to python/aiperf_cpp beside the compiled module), for tests and their children.
PACKAGE_DIR = build_dir() / "python"
sys.path.insert(0, str(PACKAGE_DIR))
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(PACKAGE_DIR), os.environ.get("PYTHONPATH")]))


@pytest.fixture(scope="session")
def program() -> Path:
    """The executable aiperf-cpp of the build tree."""
    path = build_dir() / "bin" / "aiperf-cpp"
    assert path.exists(), f"{path} is missing; run `make build`"
    return path
