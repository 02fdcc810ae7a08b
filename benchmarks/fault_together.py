"""Two processes that write the same files at once.

A case is a job, whether both do the same or one of them another thing, and how much
later the second one begins, as a share of what the job takes: "group:rival:0.4".
"""

from __future__ import annotations

import shutil
from pathlib import Path

from fault_digests import digests, listing
from fault_jobs import JOBS, Job
from fault_lab import LIMIT, Lab, Reference, Trial
from fault_server import End, Order, Server

_TRIALS = {
    "train": 10,
    "embed": 10,
    "embed_over": 10,
    "group": 20,
    "group_over": 20,
    "evaluate": 20,
    "index_exact": 20,
    "index_scann": 20,
    "export": 4,
    "export_tflite": 6,
    "answers": 10,
}
_ANSWERS = 30
# Inputs of the rival, and the names of those that it has them in place of.
_RIVALS = {
    "group": ("vectors.parquet", "rival.parquet"),
    "evaluate": ("vectors.parquet", "rival.parquet"),
    "embed": ("run", "rival"),
    "export": ("run", "rival"),
    "fault_functions:save_index": ("index_exact", "rival"),
}


class Together:
    """Runs two processes at once: the files are whole, and of one of them."""

    def __init__(self) -> None:
        self._rights: dict[str, dict[str, str]] = {}

    def cases(self, lab: Lab, server: Server) -> list[str]:
        """The cases of a campaign."""
        del server
        cases = []
        for name in lab.wanted(_TRIALS):
            rng = lab.rng(f"together {name}")
            for number in range(lab.number(_TRIALS[name], f"together {name}")):
                delay = 0.0 if number % 3 == 0 else round(rng.random(), 2)
                cases.append(f"{name}:{('same', 'rival')[number % 2]}:{delay:g}")
        return cases

    def trial(self, lab: Lab, case: str, server: Server) -> Trial:
        """Runs a job and its rival at once, and the job once more."""
        name, whose, delay = case.split(":")
        job = JOBS[name]
        if name == "answers":
            return Trial.of(1, case, _answer_together(lab, job, server))
        with lab.folder(job, server) as folder:
            reference = lab.reference(job, server)
            other, rights = job, [reference.right, reference.again]
            if whose == "rival":
                other = self._rival(lab, job, folder, server)
                rights.append(self._right(lab, job, server))
            late = float(delay) * reference.seconds
            ends = server.run(
                job.order(folder, limit=LIMIT),
                other.order(folder, limit=LIMIT, delay=late),
            )
            what = _judge(ends) or _judge_files(job, folder, reference, rights)
            if not what:
                end = server.run_one(job.order(folder, limit=LIMIT))
                found = digests(folder, job.outputs)
                if (end.code and not end.is_plain) or found not in rights:
                    what = f"the next run fails: {end.words()}"
            return Trial.of(1, case, what)

    @staticmethod
    def _rival(lab: Lab, job: Job, folder: Path, server: Server) -> Job:
        """A job that writes the same files from other inputs, which are copied."""
        if job.run == "train":
            return job._replace(arguments=[*job.arguments, "--seed=1"])
        old, new = _RIVALS[job.run]
        if job.name.startswith("index"):
            old = job.name
        source = lab.base.inputs("former", server) / old
        copy = shutil.copytree if source.is_dir() else shutil.copyfile
        copy(source, folder / new)
        arguments = [
            new if it == old else it.replace(f"={old}", f"={new}")
            for it in job.arguments
        ]
        return job._replace(arguments=arguments)

    def _right(self, lab: Lab, job: Job, server: Server) -> dict[str, str]:
        """What the rival of a job writes when it is alone."""
        if job.name not in self._rights:
            with lab.folder(job, server) as folder:
                rival = self._rival(lab, job, folder, server)
                server.run_one(rival.order(folder, limit=LIMIT))
                self._rights[job.name] = digests(folder, job.outputs)
        return self._rights[job.name]


def _judge(ends: list[End]) -> str:
    """What is wrong with how two processes end, of which one may be refused."""
    if all(end.code for end in ends):
        return f"neither succeeds: {ends[0].words()}"
    for end in ends:
        if end.code and not end.is_plain:
            return f"one fails: {end.words()}"
    return ""


def _judge_files(
    job: Job, folder: Path, reference: Reference, rights: list[dict[str, str]]
) -> str:
    """What is wrong with the files that two processes have left."""
    found = digests(folder, job.outputs)
    if found not in rights:
        return f"of no run, or of both: {_sides(found, rights)}"
    more = {*listing(folder)} - {*reference.names}
    left = sorted(name for name in more if not name.startswith("rival"))
    return f"left over: {', '.join(left[:4])}" if left else ""


def _sides(found: dict[str, str], rights: list[dict[str, str]]) -> str:
    sides = []
    for name, digest in found.items():
        of = [f"{place}" for place, it in enumerate(rights) if it[name] == digest]
        sides.append(f"{name} {'of ' + ' and '.join(of) if of else 'of none'}")
    return ", ".join(sides)


def _answer_together(lab: Lab, job: Job, server: Server) -> str:
    """What is wrong where two people answer at once, into one store."""
    with lab.folder(job, server) as folder:
        orders = [
            Order("fault_together:add_some", ["my.sqlite", by], str(folder))
            for by in ("Ann", "Bob")
        ]
        for end in server.run(*orders):
            if end.code:
                return f"one fails: {end.words()}"
        end = server.run_one(
            Order("fault_together:count_answers", ["my.sqlite"], str(folder))
        )
        if end.result != {"Ann": _ANSWERS, "Bob": _ANSWERS}:
            return f"the answers are {end.result}"
    return ""


def add_some(path: str, by: str) -> None:
    """Adds answers of one person."""
    from cv_tf.answers import Answer, AnswerStore  # noqa: PLC0415

    with AnswerStore(path) as store:
        for number in range(_ANSWERS):
            store.add(Answer("pair", (f"a{number}",), (f"b{number}",), (0, -1), by))


def count_answers(path: str) -> dict[str, int]:
    """The number of different answers of each person."""
    from cv_tf.answers import AnswerStore  # noqa: PLC0415

    with AnswerStore(path, read_only=True) as store:
        seen = {(answer.by, answer.inside) for answer in store.answers()}
    return {
        by: sum(it == by for it, _ in seen) for by in sorted({it for it, _ in seen})
    }
