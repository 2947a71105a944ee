"""Runs one case with aiperf-cpp against a scripted mock server."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .outcome import WORKER_FLAGS, Outcome, list_files
from .programs import Mock, clean_environment, normalise_requests, send_signals, stop

if TYPE_CHECKING:
    from .case import Case

NOT_SUPPORTED = re.compile(r"not supported yet", re.IGNORECASE)
HANG_SLACK_S = 60.0


@dataclass(frozen=True)
class Setup:
    """How cases are replayed. `backend` None leaves the choice to the program; `keep` is where folders stay."""

    program: Path
    tokenizer: Path | None
    workers: int = 1
    backend: str | None = None
    keep: Path | None = None

    @property
    def extra_args(self) -> tuple[str, ...]:
        """What is appended to the recorded command line."""
        backend = () if self.backend is None else ("--backend", self.backend)
        return ("--workers-max", str(self.workers), *backend)


@dataclass
class Replayed:
    """An outcome, or why the program has no outcome to compare yet."""

    outcome: Outcome
    refused: str | None = None


def replay(case: Case, setup: Setup) -> Replayed:
    """Runs the case in a folder of its own, which is gone when the outcome has been read (unless kept)."""
    if setup.keep is not None:
        folder = setup.keep.resolve() / f"{case.name}-{setup.workers}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return _replay(case, setup, folder)
    folder = Path(tempfile.mkdtemp(prefix="aiperf-parity-"))
    try:
        return _replay(case, setup, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _replay(case: Case, setup: Setup, folder: Path) -> Replayed:
    work = folder / "case"
    work.mkdir()
    if (case.directory / "input").is_dir():
        shutil.copytree(case.directory / "input", work / "input")
    mock = Mock(setup.program, folder, script=_script(case))
    try:
        places = _places(mock, setup, folder, work)
        outcome = _run(case, setup, folder, mock, places)
    finally:
        requests = mock.stop()
    outcome.requests = normalise_requests(requests, mock.host)
    refused = outcome.exit_code == 2 and not requests and NOT_SUPPORTED.search(outcome.stderr)
    return Replayed(outcome, outcome.stderr.strip().splitlines()[-1] if refused else None)


def _script(case: Case) -> dict[str, Any]:
    """The recorded server. A request that a client sends again after a break gets the same break again: a second try
    shifts no answer of the others."""
    routes = [{**route, "same_again": True} for route in case.spec["mock"]["routes"]]
    return {"routes": routes}


def _places(mock: Mock, setup: Setup, folder: Path, work: Path) -> dict[str, str]:
    tokenizer = {} if setup.tokenizer is None else {"{TOKENIZER}": str(setup.tokenizer.resolve())}
    return tokenizer | {
        "{URL}": mock.url,
        "{HOST}": mock.host,
        "{ARTIFACTS}": str(folder / "artifacts"),
        "{INPUT}": str(work / "input"),
        "{CASE}": str(work),
        "{TMP}": str(folder),
        "{HOME}": str(folder),
    }


def without_flag(args: list[str], *flags: str) -> list[str]:
    """The arguments without these flags and their values."""
    kept = []
    following = iter(args)
    for arg in following:
        if arg in flags:
            next(following, None)
        else:
            kept.append(arg)
    return kept


def _fill(text: str, places: dict[str, str]) -> str:
    for placeholder, value in places.items():
        text = text.replace(placeholder, value)
    return text


def _run(case: Case, setup: Setup, folder: Path, mock: Mock, places: dict[str, str]) -> Outcome:
    work = Path(places["{CASE}"])
    recorded = without_flag(case.args, *WORKER_FLAGS)
    command = [str(setup.program), *(_fill(arg, places) for arg in recorded), *setup.extra_args]
    extra = {name: _fill(value, places) for name, value in case.spec["env"].items()}
    for path in work.rglob("*.yaml"):
        path.write_text(_fill(path.read_text(encoding="utf-8"), places), encoding="utf-8")
    out, err = folder / "stdout.txt", folder / "stderr.txt"
    limit_s = case.spec["wall_s"] + HANG_SLACK_S
    with out.open("wb") as out_file, err.open("wb") as err_file:
        process = subprocess.Popen(
            command,
            cwd=work,
            env=clean_environment(extra, folder),
            stdin=subprocess.DEVNULL,
            stdout=out_file,
            stderr=err_file,
        )
        hung = _wait(process, mock, case, limit_s)
    artifacts = folder / "artifacts"
    outcome = Outcome(
        exit_code=process.returncode,
        artifacts=artifacts,
        files=list_files(artifacts),
        requests=[],
        console=out.read_text(encoding="utf-8", errors="replace"),
        stderr=err.read_text(encoding="utf-8", errors="replace"),
        hung=hung,
        substitutions=_substitutions(places),
        extra_args=setup.extra_args,
    )
    outcome.keep()
    return outcome


def _wait(process: subprocess.Popen[bytes], mock: Mock, case: Case, limit_s: float) -> bool:
    """Waits for the end, sending signals on the way; True when the program had to be killed."""
    try:
        send_signals(process, mock, case.signals, limit_s)
        process.wait(limit_s)
        return False
    except (subprocess.TimeoutExpired, TimeoutError):
        return True
    finally:
        stop(process, timeout_s=2.0)


def _substitutions(places: dict[str, str]) -> tuple[tuple[str, str], ...]:
    """Longest text first, so that a folder does not hide what lies in it."""
    return tuple(sorted(((value, name) for name, value in places.items()), key=lambda pair: -len(pair[0])))
