"""Runs in processes of their own. These are quick scripts in place of trainings."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from cv_tf.comparison import Stopped, make_runs, open_folder, runs as process

# What a run does: its folder is the first argument, the script's own the second.
FINISH = """
import json, pathlib, sys
folder = pathlib.Path(sys.argv[1])
folder.mkdir(exist_ok=True)
figures = {"recall_at_1_in_block": 0.25}
metrics = figures if "frozen" in folder.name else {"after": figures, "training": {}}
print("step 1", end="\\r")
print("all is well")
(folder / "metrics.json").write_text(json.dumps(metrics))
"""
FAIL = "import sys; print('on the way'); sys.exit('Failed: no space.\\n  None at all.')"
CRASH = "print('on the way'); raise KeyError('a bug')"
KILL = "import os; os.kill(os.getpid(), 9)"
# Tells that it has begun, and leaves what it was told.
WAIT = """
import pathlib, signal, sys, time
told = []
signal.signal(signal.SIGTERM, lambda number, frame: told.append(number))
signal.signal(signal.SIGINT, lambda number, frame: told.append(number))
folder = pathlib.Path(sys.argv[1])
folder.mkdir(exist_ok=True)
(folder / "begun").touch()
while not told:
    time.sleep(0.01)
(folder / "told").write_text(str(told))
sys.exit(128 + told[0])
"""
RECIPES = {"a": (), "b": (), "frozen": ("--method=frozen",)}


@pytest.fixture
def doing(monkeypatch):
    """A function that says what runs do, by the names of their recipes."""

    def do(**scripts):
        def arguments(run):
            script = scripts.get(run.recipe.name, FINISH)
            return [sys.executable, "-c", script, str(run.workdir.path)]

        monkeypatch.setattr(process, "arguments_of", arguments)

    return do


@pytest.fixture
def plan(planned):
    plan = planned(RECIPES, seeds=("0", "1"))
    open_folder(plan)
    return plan


def made(capsys) -> list[str]:
    """Titles of the runs that were told of, and what became of them."""
    lines = capsys.readouterr().out.split("\n")
    return [re.sub(r" \(.*elapsed, .*left\)$", "", line) for line in lines if line]


@pytest.mark.integration
def test_each_is_made_once_and_told_in_a_line(plan, doing, capsys):
    doing()
    assert make_runs(plan.runs) == {}
    assert made(capsys) == [
        "[1/5] a, seed 0: R@1 in block 0.250",
        "[2/5] b, seed 0: R@1 in block 0.250",
        "[3/5] frozen: R@1 in block 0.250",
        "[4/5] a, seed 1: R@1 in block 0.250",
        "[5/5] b, seed 1: R@1 in block 0.250",
    ]
    for run in plan.runs:
        assert run.read_figures() == {"recall_at_1_in_block": 0.25}
        first, *others = run.log.read_text().split("\n")
        assert first.startswith(f"$ {sys.executable} -c ")
        assert "all is well" in others
    assert make_runs(plan.runs) == {}
    assert made(capsys) == ["5 of 5 runs are there already."]


@pytest.mark.integration
def test_what_has_finished_is_not_made_again(plan, doing, capsys):
    doing()
    make_runs(plan.runs[:2])
    before = plan.runs[0].log.read_text()
    capsys.readouterr()
    make_runs(plan.runs)
    assert made(capsys)[:2] == [
        "2 of 5 runs are there already.",
        "[3/5] frozen: R@1 in block 0.250",
    ]
    assert plan.runs[0].log.read_text() == before


@pytest.mark.integration
def test_one_that_fails_is_named_and_stops_no_other(plan, doing, capsys):
    doing(a=FAIL, b=CRASH)
    assert make_runs(plan.runs) == {
        "a-seed0": "no space. None at all.",
        "a-seed1": "no space. None at all.",
        "b-seed0": "KeyError: 'a bug'",
        "b-seed1": "KeyError: 'a bug'",
    }
    line = f"[1/5] a, seed 0: failed: no space. None at all. See '{plan.runs[0].log}'."
    assert made(capsys)[0] == line
    assert plan.runs[2].read_figures()
    # The next time they are tried again, and what is said is of that time.
    doing(a="", b=KILL)
    assert make_runs(plan.runs) == {
        "a-seed0": "it ended without figures.",
        "a-seed1": "it ended without figures.",
        "b-seed0": "killed by SIGKILL, as the system does when memory is short.",
        "b-seed1": "killed by SIGKILL, as the system does when memory is short.",
    }


@pytest.mark.integration
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_reach_the_run_once_and_end_the_comparison(number, plan, doing):
    doing(a=WAIT)
    folder = plan.runs[0].workdir.path

    def send():
        while not (folder / "begun").exists():
            time.sleep(0.01)
        os.kill(os.getpid(), number)

    handlers = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    sender = threading.Thread(target=send)
    sender.start()
    with pytest.raises(Stopped, match=r"during a, seed 0\. The same") as stopped:
        make_runs(plan.runs)
    sender.join()
    assert stopped.value.exit_code == 128 + number
    assert json.loads((folder / "told").read_text()) == [number]
    assert not plan.runs[1].workdir.path.exists()
    now = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    assert handlers == now
    doing()
    assert make_runs(plan.runs) == {}


@pytest.mark.integration
def test_one_that_another_process_makes_is_waited_for(plan, doing, capsys):
    """As where a comparison was killed, but not the run that it had started."""
    doing()
    run = plan.runs[0]
    script = f"import sys, time; time.sleep(2); print('late')\n{FINISH}"
    with run.log.open("ab") as log:
        process.fcntl.flock(log, process.fcntl.LOCK_EX)
        arguments = [sys.executable, "-c", script, str(run.workdir.path)]
        orphan = subprocess.Popen(arguments, stdout=log)
    assert make_runs([run]) == {}
    assert orphan.wait() == 0
    assert made(capsys) == [
        "a, seed 0: waiting for the process that makes it.",
        "[1/1] a, seed 0: R@1 in block 0.250",
    ]
    assert "$ " not in run.log.read_text()  # It was not made a second time.


def test_a_training_is_asked_for_by_its_settings(planned):
    (run,) = planned({"a": ("--steps=7",)}, seeds=("3",)).runs
    python, *arguments = process.arguments_of(run)
    assert python == sys.executable
    assert arguments == [
        *("-m", "cv_tf.train", f"--catalog={run.config.catalog}"),
        *(f"--workdir={run.workdir.path}", "--seed=3", "--steps=7"),
        "--baselines=False",
    ]


def test_an_evaluation_leaves_its_embedder_too(planned):
    (run,) = planned({"f": ("--method=frozen",)}, seeds=("0",)).runs
    arguments = process.arguments_of(run)
    assert arguments[1:3] == ["-m", "cv_tf.evaluate"]
    folder = Path(run.workdir.path)
    assert arguments[-4:] == [
        f"--output={folder}/metrics.json",
        f"--queries={folder}/queries.parquet",
        f"--save_embedder={folder}/embedder.keras",
        "--overwrite",
    ]
