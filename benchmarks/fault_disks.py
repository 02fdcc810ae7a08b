"""Disks that are full before a job has written all: mounted small, or said to be full.

A case is a job, how its disk is made full, and the bytes that fit: "group:tmpfs:4096".
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from fault_jobs import JOBS
from fault_lab import LIMIT, Lab, Trial
from fault_server import Server

_TRIALS = 30  # A job.
_JOBS = (
    "train",
    "embed",
    "embed_over",
    "group_over",
    "index_exact",
    "index_scann",
    "export",
    "export_tflite",
    "evaluate",
    "answers",
)
_PAGE = 4096


class Disks:
    """Lets jobs fill a disk, and finish after there is space."""

    def cases(self, lab: Lab, server: Server) -> list[str]:
        """The cases of a campaign."""
        ways = ("tmpfs", "shim") if _can_mount(lab.scratch) else ("shim",)
        cases = []
        for name in lab.wanted(_JOBS):
            reference, rng = lab.reference(JOBS[name], server), lab.rng(f"disk {name}")
            most = max(reference.written, reference.size)
            for number in range(lab.number(_TRIALS, f"disk {name}")):
                way = ways[number % len(ways)]
                cases.append(f"{name}:{way}:{rng.randint(0, most)}")
        return cases

    def trial(self, lab: Lab, case: str, server: Server) -> Trial:
        """Runs a job on a disk that it fills, and again with more space."""
        name, way, space = case.split(":")
        job = JOBS[name]
        with lab.folder(job, server) as start, _disk(start, way) as disk:
            folder = disk.folder
            if way == "tmpfs":
                disk.limit(int(space))
            budget = int(space) if way == "shim" else -1
            end = server.run_one(job.order(folder, space=budget, limit=LIMIT))
            disk.limit(None)
            if not end.code:
                return Trial.of(0, case, lab.judge_end(job, folder, server))
            if not end.is_plain:
                return Trial.of(1, case, f"not told: {end.words()}")
            if not any(word in end.output for word in (str(folder), *_names(folder))):
                return Trial.of(1, case, f"names no file: {end.words()}")
            if what := lab.judge_left(job, folder, server):
                return Trial.of(1, case, f"while full: {what}")
            return Trial.of(1, case, lab.judge_end(job, folder, server))


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if len(path.name) > 3]


class _Disk:
    """The folder of a job, on a disk whose size can be changed if it is mounted."""

    def __init__(self, folder: Path, is_mounted: bool):
        self.folder, self._is_mounted = folder, is_mounted

    def limit(self, space: int | None) -> None:
        """Leaves so many bytes of space, or any number."""
        if not self._is_mounted:
            return
        size = "1g"
        if space is not None:
            it = os.statvfs(self.folder)
            used = (it.f_blocks - it.f_bfree) * it.f_frsize
            size = str(-(-(used + space) // _PAGE) * _PAGE)
        _call("mount", "-o", f"remount,size={size}", str(self.folder))


@contextlib.contextmanager
def _disk(start: Path, way: str) -> Iterator[_Disk]:
    if way != "tmpfs":
        yield _Disk(start, False)
        return
    folder = Path(tempfile.mkdtemp(dir=start.parent))
    _call("mount", "-t", "tmpfs", "-o", "size=1g", "tmpfs", str(folder))
    try:
        shutil.copytree(start, folder, dirs_exist_ok=True, symlinks=True)
        yield _Disk(folder, True)
    finally:
        _call("umount", "-l", str(folder))


def _call(*arguments: str) -> bool:
    done = subprocess.run(arguments, check=False, capture_output=True)  # noqa: S603
    return done.returncode == 0


def _can_mount(scratch: Path) -> bool:
    """Whether this process may mount a disk in memory."""
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        mounted = _call("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder)
        return mounted and _call("umount", folder)
