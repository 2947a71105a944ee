"""Disks that fill up, directories that cannot be written, and a /tmp and /dev/shm that nobody else uses."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

PRIVATE = "SOAK_PRIVATE_MOUNTS"
_KEPT: list[Path] = []
TEMPORARY = (Path("/tmp"), Path("/dev/shm"))


def may_mount() -> bool:
    """Whether mounts of this process are its own, to be made and forgotten."""
    return os.environ.get(PRIVATE) == "yes"


def enter_private_mounts(kept: Sequence[Path]) -> None:
    """Starts this program anew where its mounts are its own; they end with it. Does nothing without the right to.

    `kept` stays visible where it lies in a folder that becomes empty.
    """
    if PRIVATE in os.environ:
        if may_mount():
            for folder in TEMPORARY:
                _empty(folder, [path for path in kept if path.is_relative_to(folder)])
        return
    unshare = ["unshare", "--mount", "--propagation", "private"]
    allowed = os.geteuid() == 0 and subprocess.run([*unshare, "true"], check=False, capture_output=True).returncode == 0
    os.environ[PRIVATE] = "yes" if allowed else "no"
    if allowed:
        os.execvp(unshare[0], [*unshare, sys.executable, *sys.argv])


def _empty(folder: Path, kept: Sequence[Path]) -> None:
    """Covers a folder; what is kept is bound into the cover."""
    held = {path: os.open(path, os.O_PATH) for path in kept if path.exists()}
    here = Path.cwd()
    _mount("-t", "tmpfs", "-o", "mode=1777", "soak", folder)
    for path, descriptor in held.items():
        path.mkdir(parents=True, exist_ok=True)
        source = f"/proc/self/fd/{descriptor}"
        subprocess.run(["mount", "--no-canonicalize", "--bind", source, str(path)], check=True, pass_fds=[descriptor])
        os.close(descriptor)
        _KEPT.append(path)
    if here.is_relative_to(folder):
        os.chdir(here if here.exists() else "/")  # the old one lies below the cover


def temporary_files() -> list[Path]:
    """What lies in /tmp and /dev/shm and was put there since."""
    if not may_mount():
        return []
    return [
        path
        for folder in TEMPORARY
        for path in folder.iterdir()
        if not any(kept.is_relative_to(path) for kept in _KEPT)
    ]


def _mount(*arguments: str | Path) -> None:
    subprocess.run(["mount", *map(str, arguments)], check=True)


def _unmount(folder: Path) -> None:
    subprocess.run(["umount", str(folder)], check=True)


def can_be_tried(fault: str) -> bool:
    """Whether this process has the right to what the fault needs."""
    if fault == "locked directory":
        return may_mount() or os.geteuid() != 0  # to root the permissions of a directory mean nothing
    return may_mount() or not fault.endswith(" disk")


class Place:
    """A folder for artifacts, on a disk of its own where a fault needs one."""

    def __init__(self, folder: Path, disk_kib: int | None) -> None:
        folder.mkdir()
        self.folder = folder
        self._filler = folder / "filler"
        self._mounted = disk_kib is not None and may_mount()
        self._locked = False
        if self._mounted:
            _mount("-t", "tmpfs", "-o", f"size={disk_kib}k", "soak", folder)

    def fill(self) -> None:
        """Takes all space that is left."""
        with self._filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(65536))

    def lock(self, directory: Path) -> None:
        """From now on the directory is read-only, for root too. Files that are open stay as they were."""
        directory.mkdir(parents=True, exist_ok=True)
        if may_mount():
            _mount("--bind", directory, directory)
            _mount("-o", "remount,bind,ro", directory)
        else:
            directory.chmod(0o555)
        self._locked = True

    def repair(self, directory: Path) -> None:
        """There is space again, and the directory can be written."""
        if self._locked:
            self._locked = False
            if may_mount():
                _unmount(directory)
            else:
                directory.chmod(0o755)
        if self._mounted:
            self._filler.unlink(missing_ok=True)
            _mount("-o", "remount,size=64m", self.folder)

    def close(self) -> None:
        """Gives the disk back; what lies on it is gone."""
        if self._mounted:
            _unmount(self.folder)
