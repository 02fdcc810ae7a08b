"""Whose a folder is, and whether a comparison may go on in it."""

import re
from pathlib import Path

import pytest

from cv_tf.comparison import check_folder, open_folder
from cv_tf.training import WorkdirError

RECIPES = {"a": ("--steps=7",), "b": ()}


def test_checking_makes_nothing(planned):
    plan = planned(RECIPES)
    check_folder(plan)
    assert not plan.folder.exists()


def test_it_says_what_was_asked_for(planned):
    plan = planned(RECIPES, seeds=("0",))
    open_folder(plan)
    text = (plan.folder / "compare.cfg").read_text()
    assert text.split("\n")[:-1] == plan.flags


def test_the_same_goes_on(planned):
    open_folder(planned(RECIPES))
    check_folder(planned(RECIPES))


def test_recipes_and_seeds_may_be_added(planned):
    plan = planned({"a": ("--steps=7",)}, seeds=("0",))
    open_folder(plan)
    plan.runs[0].workdir.open(plan.runs[0].config)
    check_folder(planned(RECIPES, seeds=("1", "0")))


def test_other_settings_are_refused_by_name(planned):
    plan = planned(RECIPES)
    open_folder(plan)
    plan.runs[1].workdir.open(plan.runs[1].config)
    changed = planned(RECIPES, temperature=0.5)
    with pytest.raises(WorkdirError) as error:
        check_folder(changed)
    folder = re.escape(str(plan.folder))
    assert re.match(f"'{folder}/b-seed0' holds a run with other", str(error.value))
    assert "--temperature=0.1 there, 0.5 now" in str(error.value)


def test_how_fast_it_goes_may_change(planned):
    plan = planned(RECIPES)
    open_folder(plan)
    plan.runs[0].workdir.open(plan.runs[0].config)
    check_folder(planned(RECIPES, memory_gigabytes=9.0))


def test_a_folder_of_something_else(planned):
    plan = planned(RECIPES)
    plan.folder.mkdir()
    (plan.folder / "thesis.txt").write_text("Years of work.")
    with pytest.raises(WorkdirError, match="not empty and holds no comparison"):
        check_folder(plan)


def test_what_a_kill_left_of_the_very_first_file(planned):
    plan = planned(RECIPES)
    plan.folder.mkdir()
    (plan.folder / ".compare.cfg.12.34.cfg").write_text("--conf")
    check_folder(plan)


def test_a_file(planned):
    plan = planned(RECIPES)
    Path(plan.folder).write_text("")
    with pytest.raises(WorkdirError, match="is a file"):
        check_folder(plan)
