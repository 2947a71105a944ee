"""The package in a real Jupyter kernel, whose event loop is running while a cell does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nbformat
import pytest
from api_support import SHORT, options
from nbclient import NotebookClient

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import MockFactory


@pytest.mark.timeout(180)
@pytest.mark.filterwarnings("default")  # the kernel's own libraries
def test_a_notebook_runs_watches_and_awaits(mock: MockFactory, tmp_path: Path) -> None:
    server = mock(flags=SHORT)
    given = options(server, tmp_path / "run", request_count=5)
    given = {
        name: str(value) if name in {"artifact_directory", "tokenizer"} else value for name, value in given.items()
    }
    cells = [
        f"import aiperf_cpp as ap, asyncio\noptions = {given!r}\nassert asyncio.get_running_loop().is_running()",
        "result = ap.profile(**options)\nresult",
        "with ap.Run(**options) as run:\n    seen = [s.phase for s in run.watch(every=0.02)]\nprint(seen[-1])",
        "result = await ap.Run(**options).start().wait_async()\nprint(result.valid)",
        "result = ap.profile(**options, backend='process', workers_max=2, concurrency=2)\nprint(result.status)",
        "async with ap.Run(**options) as run:\n    pass\nprint(run.result().status)",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])  # type: ignore[no-untyped-call]
    NotebookClient(notebook, timeout=90, kernel_name="python3").execute(cwd=str(tmp_path))
    outputs = [cell["outputs"] for cell in notebook.cells]
    assert "Time to First Token" in outputs[1][0]["data"]["text/html"]
    assert [output[0]["text"].strip() for output in outputs[2:]] == ["done", "5", "complete", "complete"]
