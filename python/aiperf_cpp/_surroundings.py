"""What the library takes from outside."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def surroundings(environment: Mapping[str, str] | None) -> tuple[dict[str, str], str]:
    """Variables (those of the process where none are given) and the working directory."""
    return dict(os.environ if environment is None else environment), os.fspath(Path.cwd())
