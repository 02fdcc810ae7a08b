"""The recipes: each can be run as its head says."""

import re
from pathlib import Path

import pytest

from cv_tf import command
from cv_tf.config import Config

RECIPES = sorted((Path(__file__).parents[1] / "configs").glob("*.cfg"))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.name)
def test_recipe_holds_settings_that_can_be_used(recipe):
    config = command.parse_flags(Config, ["", f"--flagfile={recipe}"])
    assert config.method in ("part_contrast", "triplet")
    assert config != Config()


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.name)
def test_head_says_the_command_the_hardware_the_time_and_the_score(recipe):
    head = re.match(r"(#.*\n)+", recipe.read_text()).group()
    assert f"--flagfile=configs/{recipe.name}" in head
    for word in ("Hardware:", "Time:", "Score:"):
        assert word in head, word


def test_the_default_recipe_is_the_one_that_make_train_runs():
    makefile = (Path(__file__).parents[1] / "Makefile").read_text()
    assert "--flagfile=configs/cvssl.cfg" in makefile
    assert RECIPES
