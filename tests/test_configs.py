"""The recipes: each can be run as its head says."""

import re
from pathlib import Path

import pytest

from cv_tf import choices, command
from cv_tf.compare import settings_of
from cv_tf.comparison import make_plan
from cv_tf.config import Config

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "configs").glob("*.cfg"))
COMPARISONS = [path for path in FILES if path.name.startswith("compare")]
RECIPES = [path for path in FILES if path not in COMPARISONS]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.name)
def test_recipe_holds_settings_that_can_be_used(recipe):
    config = command.parse_flags(Config, ["", f"--flagfile={recipe}"])
    assert config != Config()


def test_every_method_has_a_recipe():
    methods = [
        command.parse_flags(Config, ["", f"--flagfile={recipe}"]).method
        for recipe in RECIPES
    ]
    assert set(methods) == set(choices.METHODS)


@pytest.mark.parametrize("comparison", COMPARISONS, ids=lambda path: path.name)
def test_comparison_is_of_recipes_that_there_are(comparison, monkeypatch):
    monkeypatch.chdir(ROOT)  # Flagfiles are named from where the README stands.
    request = settings_of(["", f"--flagfile={comparison.relative_to(ROOT)}"])
    plan = make_plan(request.config, request.overrides)
    assert len(plan.recipes) == len(request.config.configs) > 1


@pytest.mark.parametrize("recipe", FILES, ids=lambda path: path.name)
def test_head_says_the_command_the_hardware_the_time_and_the_score(recipe):
    head = re.match(r"(#.*\n)+", recipe.read_text()).group()
    assert f"--flagfile=configs/{recipe.name}" in head
    for word in ("Hardware:", "Time:", "Score:"):
        assert word in head, word


def test_the_default_recipe_is_the_one_that_make_train_runs():
    makefile = (ROOT / "Makefile").read_text()
    assert "--flagfile=configs/cvssl.cfg" in makefile
    assert RECIPES
