"""Tests of built packages: run by scripts/wheels.sh and scripts/deb.sh, which say where the packages are."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
