"""Files of finished or killed jobs that something else has changed.

A case is a job, "done" or the kill that it met, what happens to which of its files, as
in a sorted listing: "train:done:flip:3", "embed:write.120:remove:0". Inputs that change
between a kill and the next run have no number: "train:rename.4:photo:0".
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from fault_digests import digests
from fault_inputs import mutated
from fault_jobs import JOBS, Job, remove
from fault_lab import LIMIT, Lab, Trial
from fault_server import Server

# Trials of each job at full scale: finished ones, and killed ones.
_TRIALS = {
    "train": (30, 20),
    "embed": (25, 25),
    "group_over": (20, 8),
    "index_exact": (12, 4),
    "index_scann": (20, 4),
    "answers": (12, 12),
}
_INPUTS = ("catalog.csv", "photos", "vectors.parquet", "labels.csv", "earlier.csv")
_INPUTS += ("index_exact", "index_scann", "run/tensorboard", "read.")
_OUTSIDE = "Nobody may change this file.\n"


def _truncate(path: Path, rng: random.Random) -> None:
    os.truncate(path, rng.randint(0, max(path.stat().st_size - 1, 0)))


def _flip(path: Path, rng: random.Random) -> None:
    content = bytearray(path.read_bytes() or b"\0")
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def _zero(path: Path, rng: random.Random) -> None:
    content = path.read_bytes()
    start = rng.randint(0, len(content))
    end = min(start + 512, len(content))
    path.write_bytes(content[:start] + bytes(end - start) + content[end:])


def _link(path: Path, rng: random.Random) -> None:
    path.unlink()
    path.symlink_to(path.parents[len(path.parents) - 1] / "nowhere" / f"{rng.random()}")


def _replace(path: Path, make: Callable[[Path], object]) -> None:
    path.unlink()
    make(path)


WAYS: dict[str, Callable[[Path, random.Random], object]] = {
    "remove": lambda path, _: path.unlink(),
    "empty": lambda path, _: path.write_bytes(b""),
    "cut": _truncate,
    "flip": _flip,
    "zero": _zero,
    "damage": lambda path, rng: path.write_bytes(mutated(path.read_bytes(), rng)),
    "folder": lambda path, _: _replace(path, Path.mkdir),
    "fifo": lambda path, _: _replace(path, os.mkfifo),
    "dangling": _link,
}
# Of another run; a link to a file outside; a file that may not be read.
_MORE_WAYS = ("swap", "outside", "unreadable")


def _change_row(catalog: Path, row: int, change: Callable[[str], str]) -> None:
    lines = catalog.read_text().splitlines()
    lines[row] = change(lines[row])
    catalog.write_text("\n".join([*filter(None, lines), ""]))


CHANGES: dict[str, Callable[[Path], None]] = {
    "photo": lambda folder: (
        shutil.copyfile(folder / "photos/4-navy.jpg", folder / "photos/0-black.jpg")
        and None
    ),
    "added": lambda folder: _change_row(
        folder / "catalog.csv",
        2,
        lambda row: f"{row}\nmore,photos/4-navy.jpg,s4,Trousers,navy,train",
    ),
    "removed": lambda folder: _change_row(folder / "catalog.csv", 3, lambda _: ""),
    "label": lambda folder: _change_row(
        folder / "catalog.csv", 2, lambda row: row.replace(",s0,", ",s1,")
    ),
}


class Tampered:
    """Changes files of jobs, and gives the same command again."""

    def cases(self, lab: Lab, server: Server) -> list[str]:
        """The cases of a campaign."""
        ways = [*WAYS, *(it for it in _MORE_WAYS if it != "unreadable" or os.geteuid())]
        cases = []
        for name in lab.wanted(_TRIALS):
            done, killed = _TRIALS[name]
            counts = lab.reference(JOBS[name], server).counts
            rng = lab.rng(f"tampered {name}")

            def kill(rng: random.Random = rng, counts: dict = counts) -> str:
                kind = rng.choice(sorted(counts))
                return f"{kind}.{rng.randint(1, counts[kind])}"

            states = ["done"] * lab.number(done, f"done {name}")
            states += [kill() for _ in range(lab.number(killed, f"killed {name}"))]
            for place, state in enumerate(states):
                way = ways[(place + rng.randint(0, 1)) % len(ways)]
                cases.append(f"{name}:{state}:{way}:{rng.randint(0, 99)}")
            if name in ("train", "embed"):
                changes = list(CHANGES)[
                    : lab.number(2 * len(CHANGES), f"changed {name}")
                ]
                cases += [f"{name}:{kill()}:{it}:0" for it in changes]
                cases += [f"{name}:{kill()}:{it}:0" for it in changes if lab.scale >= 1]
        return cases

    def trial(self, lab: Lab, case: str, server: Server) -> Trial:
        """Runs a job, or kills it; changes a file, and runs it again."""
        name, state, way, number = case.split(":")
        job = JOBS[name]
        with lab.folder(job, server) as folder:
            kind, _, at = state.partition(".")
            more = {"kind": kind, "at": float(at)} if at else {}
            server.run_one(job.order(folder, limit=LIMIT, **more))
            if way in CHANGES:
                if name == "train" and (folder / "run/embedder.keras").exists():
                    return Trial(0)  # A finished run says that its figures are of then.
                what = self._with_changes(lab, job, way, folder, server)
                return Trial.of(1, case, what)
            outside = folder.parent / "outside"
            outside.write_text(_OUTSIDE)
            file = self._tamper(lab, case, folder, way, int(number), server)
            if file is None:
                return Trial(0)
            what = ""
            if state == "done":
                # What is not there is not missed where it only adds to figures.
                strictly = way not in ("remove", "dangling")
                what = lab.judge_readers(job, folder, server, strictly)
            what = what or lab.judge_end(job, folder, server, may_refuse=True)
            if outside.read_text() != _OUTSIDE:
                what = "a file outside of the folder is overwritten"
            return Trial.of(1, case, what and f"{way} {file}: {what}")

    @staticmethod
    def _tamper(
        lab: Lab, case: str, folder: Path, way: str, number: int, server: Server
    ) -> str | None:
        """Changes a file; returns its name, without what differs in each run."""
        name = case.partition(":")[0]
        job = JOBS[name]
        files = sorted(it for it in folder.rglob("*") if it.is_file())
        names = [str(it.relative_to(folder)) for it in files]
        names = [it for it in names if not it.startswith(_INPUTS)]
        if job.run != "train":  # What a job reads is damaged in other trials.
            names = [it for it in names if not it.startswith("run/")]
        if name == "answers":
            # Without its journal, a store of SQLite is as it was before; emptied, new.
            names = ["my.sqlite"] if way not in ("remove", "empty", "dangling") else []
        if not names:
            return None
        chosen = names[number % len(names)]
        path, rng = folder / chosen, lab.rng(case)
        if way == "swap":
            former = lab.base.inputs("former", server) / chosen
            if job.former:
                former = lab.base.start(job, server) / chosen
            if not former.is_file():
                return None
            shutil.copyfile(former, path)
        elif way == "outside":
            _replace(path, lambda it: it.symlink_to(folder.parent / "outside"))
        elif way == "unreadable":
            path.chmod(0)
        else:
            WAYS[way](path, rng)
        return chosen

    @staticmethod
    def _with_changes(
        lab: Lab, job: Job, way: str, folder: Path, server: Server
    ) -> str:
        """What is wrong where inputs change before the same command is given again."""
        CHANGES[way](folder)
        end = server.run_one(job.order(folder, limit=LIMIT))
        if end.code:
            return "" if end.is_plain else f"{way} changed: {end.words()}"
        found = digests(folder, job.outputs)
        with tempfile.TemporaryDirectory(dir=lab.scratch) as scratch:
            fresh = Path(scratch, "job")
            shutil.copytree(lab.base.start(job, server), fresh)
            CHANGES[way](fresh)
            server.run_one(job.order(fresh, limit=LIMIT))
            right = digests(fresh, job.outputs)
        for name in ("cache",):
            remove(folder / name)
        wrong = [name for name, digest in found.items() if digest != right[name]]
        if wrong:
            return f"{way} changed: silently another {', another '.join(wrong)}"
        return ""
