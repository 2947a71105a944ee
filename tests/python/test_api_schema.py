"""Requests made up from the results server's own description: no answer is a 5xx, and every one is as described."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from http_support import serve

if TYPE_CHECKING:
    from conftest import Command

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("AIPERF_SCHEMATHESIS", ROOT / "build" / "schema" / "venv" / "bin" / "schemathesis"))
EXAMPLES = 60
#: Methods the server's parser knows; others are no HTTP to it, and get 400.
CONFIG = """
[phases.coverage]
unexpected-methods = ["put", "post", "delete", "patch", "trace"]

[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 414, 415, 422, 431]
"""
SLOW_S = 1200

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(SLOW_S),
    pytest.mark.skipif(not PROGRAM.exists(), reason="no schemathesis; scripts/setup.sh schema installs it"),
]


def test_every_answer_to_made_up_requests_is_as_described(command: Command, tmp_path: Path) -> None:
    options = ["--seed", "1", "--max-examples", str(EXAMPLES), "--phases", "examples,coverage,fuzzing", "--no-color"]
    # A shutdown would end the server, and streams do not end by themselves.
    options += [flag for path in ("/api/shutdown", "/api/events", "/ws") for flag in ("--exclude-path", path)]
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG, encoding="utf-8")
    with serve(command.program, tmp_path) as served:
        done = subprocess.run(
            [PROGRAM, "--config-file", config, "run", f"{served.url}/openapi.json", *options],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=SLOW_S,
        )
        print(done.stdout)
        assert done.returncode == 0, done.stderr
        assert served.ask("/healthz").status == 200
        assert served.ask("/api/shutdown", method="POST").json() == {"status": "shutting_down"}
        assert served.running.wait().exit_code == 0
