"""What examples/deploy has for Kubernetes, systemd and Slurm is valid, and ends runs as docs/deployment.md says."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kubernetes_validate
import pytest
import yaml
from access_support import Entrance, NotifySocket, api_file, short_directory
from command_support import HANG_S, TOKENIZER, Artifacts, answer, chat_script, wait_until
from conftest import build_dir
from ending_support import status_file

if TYPE_CHECKING:
    from command_support import Running
    from conftest import Command, MockFactory

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "examples" / "deploy"
PAGE = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
MANIFESTS: list[dict[str, Any]] = list(yaml.safe_load_all((DEPLOY / "kubernetes-job.yaml").read_text(encoding="utf-8")))
UNHURRIED = chat_script(answer(first_ms=100))


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda manifest: str(manifest["kind"]))
def test_the_manifests_are_what_kubernetes_takes(manifest: dict[str, Any]) -> None:
    kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)


def container() -> dict[str, Any]:
    found: dict[str, Any] = MANIFESTS[0]["spec"]["template"]["spec"]["containers"][0]
    return found


def test_the_job_gives_a_stop_the_time_it_takes() -> None:
    pod = MANIFESTS[0]["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] > 25
    assert pod["restartPolicy"] == "Never"
    assert MANIFESTS[1]["spec"]["selector"] == MANIFESTS[0]["spec"]["template"]["metadata"]["labels"]


def test_the_job_runs_as_it_stands_there(command: Command, mock: MockFactory) -> None:
    artifacts = command.artifacts.directory
    here = {"--url": mock(UNHURRIED).url, "--artifact-dir": str(artifacts), "--tokenizer": str(TOKENIZER)}
    here |= {"--api-host": "127.0.0.1", "--api-port": "0", "--request-count": "100000"}
    args = [
        "=".join([name, here.get(name, value)]) if value else name for name, _, value in map(split, container()["args"])
    ]
    env = {entry["name"]: entry.get("value", "token") for entry in container()["env"]}
    running = command.start(*args, env=env)
    entrance = Entrance(str(api_file(artifacts)["url"]), token="token")
    assert entrance.status() == "running"
    running.signal(signal.SIGTERM)
    entrance.wait_status("cancelled")  # and so the one that had asked knows
    finished = running.wait(float(MANIFESTS[0]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]))
    assert finished.exit_code == 143, finished.stderr
    assert status_file(artifacts)["status"] == "cancelled"


def split(argument: str) -> tuple[str, str, str]:
    return argument.partition("=")


# ---- systemd


def unit() -> dict[str, str]:
    """The settings of the unit; one that is there more than once is not asked for."""
    text = (DEPLOY / "aiperf.service").read_text(encoding="utf-8").replace("\\\n", " ")
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
def test_the_unit_is_what_systemd_takes(program: Path, tmp_path: Path) -> None:
    text = (DEPLOY / "aiperf.service").read_text(encoding="utf-8")
    path = tmp_path / "aiperf.service"
    path.write_text(text.replace("/usr/bin/aiperf-cpp", str(program)), encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=HANG_S,
    )
    complaints = [line for line in done.stderr.splitlines() if "aiperf" in line]
    assert (done.returncode, complaints) == (0, []), done.stderr


def start_unit(command: Command, mock: MockFactory, folder: Path, notify: str) -> Running:
    """The unit's command, as systemd starts it but for user and paths."""
    folders = {"STATE_DIRECTORY": str(folder / "state"), "RUNTIME_DIRECTORY": str(folder)}
    line = unit()["ExecStart"].replace("--request-count 1000", "--request-count 100000")
    line = line.replace("http://localhost:8000", mock(UNHURRIED).url).replace("builtin", str(TOKENIZER))
    for name, path in folders.items():
        line = line.replace(f"${{{name}}}", path)
    env = dict([unit()["Environment"].split("=", 1)]) | {"NOTIFY_SOCKET": notify}
    return command.start(*shlex.split(line)[1:], env=env)


def test_the_unit_is_ready_reached_by_its_socket_and_stopped_in_time(command: Command, mock: MockFactory) -> None:
    assert (unit()["Type"], unit()["KillMode"], unit()["KillSignal"]) == ("notify", "mixed", "SIGTERM")
    with short_directory() as folder:
        manager = NotifySocket(str(folder / "notify"))
        running = start_unit(command, mock, folder, manager.name)
        wait_until(lambda: "STATUS=profiling" in manager.heard, HANG_S, "the first phase")
        assert "READY=1" in manager.heard
        entrance = Entrance(path=str(folder / "api.sock"))
        wait_until(lambda: entrance.ask("/readyz").body == b"ok", HANG_S, "readiness")
        running.signal(signal.SIGTERM)  # KillMode=mixed: to the main process alone
        entrance.wait_status("cancelled")
        assert entrance.ask("/api/shutdown", "POST").status == 200
        finished = running.wait(float(unit()["TimeoutStopSec"]))
        manager.stop()
        assert str(finished.exit_code) in unit()["SuccessExitStatus"].split()
        assert finished.exit_code == 143
        assert manager.heard[-1] == "STOPPING=1"
        assert not (folder / "api.sock").exists()
        Artifacts(folder / "state" / "last").check_valid()


# ---- Slurm


@pytest.mark.parametrize("stopped", [True, False])
def test_the_batch_job_passes_its_signal_on_and_ends_with_the_runs_code(
    stopped: bool, mock: MockFactory, tmp_path: Path
) -> None:
    script = (DEPLOY / "aiperf.sbatch").read_text(encoding="utf-8")
    assert re.search(r"^#SBATCH --signal=B:TERM@(\d+)$", script, re.MULTILINE)
    count = "100000" if stopped else "8"
    path = tmp_path / "job.sh"
    path.write_text(
        script.replace("builtin", str(TOKENIZER)).replace("--request-count 1000", f"--request-count {count}")
    )
    server = mock(UNHURRIED)
    artifacts = tmp_path / "results"
    environment = os.environ | {
        "PATH": f"{build_dir() / 'bin'}:{os.environ['PATH']}",
        "AIPERF_ARTIFACTS": str(artifacts),
    }
    job = subprocess.Popen(["bash", str(path), server.url], cwd=tmp_path, env=environment, stdout=subprocess.PIPE)
    try:
        if stopped:
            wait_until(lambda: server.over() >= 8, HANG_S, "some answers")
            job.terminate()
        printed, _ = job.communicate(timeout=HANG_S)
    finally:
        job.kill()
    code = 143 if stopped else 0
    assert job.returncode == code
    assert printed.decode().splitlines()[-1] == f"results in {artifacts}, exit code {code}"
    assert status_file(artifacts)["exit_code"] == code
    Artifacts(artifacts).check_valid()


# ---- the page


def test_the_page_names_what_there_is() -> None:
    for name in re.findall(r"\]\(\.\./(examples/deploy[^)]*)\)", PAGE):
        assert (ROOT / name).exists(), name
    known = (ROOT / "docs" / "environment-variables.md").read_text(encoding="utf-8")
    for variable in set(re.findall(r"AIPERF_[A-Z_]+", PAGE)):
        assert f"`{variable}`" in known, variable
    assert (
        f"`terminationGracePeriodSeconds: {MANIFESTS[0]['spec']['template']['spec']['terminationGracePeriodSeconds']}`"
        in PAGE
    )
