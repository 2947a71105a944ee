"""Results of runs that are over, from their directories."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aiperf_cpp import _core
from aiperf_cpp._files import ROWS, SUMMARY, FileSource
from aiperf_cpp._result import Result
from aiperf_cpp._sources import CoreSource
from aiperf_cpp._surroundings import surroundings

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping


def load(artifact_directory: str | os.PathLike[str], *, environment: Mapping[str, str] | None = None) -> Result:
    """The result of a run that is over, from its artifact directory: one of this program or of AIPerf. Writes nothing.

    With a journal, the result is as the run itself left it (an interrupted run is "incomplete"; recover() makes its
    artifacts). Without one, metrics come from profile_export_aiperf.json, and `records` from profile_export.jsonl: one
    row per line, with the columns of to_pandas(); `config` has what this program has options for.

    Raises RunError where nothing of that is there or can be read, or while a run is writing to the journal.
    """
    directory = Path(artifact_directory).absolute()
    around = surroundings(environment)
    if (_core.journal_directory(directory, *around) / "records").is_file():
        return Result(CoreSource(_core.reopen(directory, *around)))
    if any((directory / name).is_file() for name in (SUMMARY, ROWS)):
        return Result(FileSource(directory))
    raise _core.RunError(f"no run is in {directory}: neither a journal nor {SUMMARY} nor {ROWS}")


def recover(artifact_directory: str | os.PathLike[str], *, environment: Mapping[str, str] | None = None) -> Result:
    """Makes the artifacts of an interrupted run from the journal in its artifact directory.

    Raises RunError for a directory without a readable journal, or one that a run is still writing to.
    """
    return Result(CoreSource(_core.recover(Path(artifact_directory), *surroundings(environment))))
