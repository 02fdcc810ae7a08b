"""From recipes to runs."""

import dataclasses
from pathlib import Path

import pytest

from cv_tf import command
from cv_tf.comparison import CompareConfig, make_plan
from cv_tf.config import Config
from cv_tf.settings import ConfigError

RECIPES = {
    "crops": ("--method=simclr", "--batch_size=8", "--warmup_steps=3", "--seed=9"),
    "labels": ("--method=triplet", "--batch_size=16", "--workdir=elsewhere"),
    "frozen": ("--method=frozen", "--batch_size=7"),
}


def test_all_recipes_of_one_seed_come_before_the_next(planned):
    plan = planned(RECIPES, seeds=("3", "1"))
    assert [run.name for run in plan.runs] == [
        *("crops-seed3", "labels-seed3", "frozen"),
        *("crops-seed1", "labels-seed1"),
    ]
    assert [run.title for run in plan.runs][1:3] == ["labels, seed 3", "frozen"]
    assert [run.config.seed for run in plan.runs] == [3, 3, 3, 1, 1]


def test_each_run_is_in_its_own_folder_with_its_log_beside_it(planned, tmp_path):
    for run in planned(RECIPES).runs:
        assert run.workdir.path == tmp_path / "comparison" / run.name
        assert run.log == tmp_path / "comparison" / f"{run.name}.log"


class TestBudget:
    def test_the_same_photos_are_other_steps(self, planned):
        plan = planned(RECIPES, images=480)
        configs = {recipe.name: recipe.config for recipe in plan.recipes}
        assert configs["crops"].steps == 60
        assert configs["labels"].steps == 30
        assert configs["crops"].warmup_steps == 3
        # What is not trained has no budget.
        assert configs["frozen"].steps == Config().steps

    def test_without_one_each_keeps_its_own(self, planned):
        plan = planned({"a": ("--steps=7",), "b": ("--steps=9",)})
        assert [recipe.config.steps for recipe in plan.recipes] == [7, 9]

    def test_it_must_divide(self, planned):
        with pytest.raises(ConfigError) as error:
            planned(RECIPES, images=488)
        message = "labels.cfg: --images=488 is no multiple of its --batch_size=16."
        assert str(error.value).endswith(message)
        assert "\n" not in str(error.value)

    def test_it_must_be_a_step_at_least(self, planned):
        with pytest.raises(ConfigError, match=r"--images=8 is no multiple"):
            planned({"a": ("--batch_size=16",)}, images=8)

    def test_steps_beside_it_are_refused(self, planned):
        with pytest.raises(ConfigError, match="--steps=5 and --images=480 both"):
            planned(RECIPES, images=480, steps=5)
        assert planned(RECIPES, steps=5).recipes[0].config.steps == 5


class TestOverrides:
    def test_what_is_given_holds_for_all_and_defaults_for_none(self, planned):
        plan = planned(RECIPES, image_size=64, flip=0.5)
        for recipe in plan.recipes:
            assert recipe.config.image_size == 64
            assert recipe.config.flip == 0.5
        batches = [recipe.config.batch_size for recipe in plan.recipes]
        assert batches == [8, 16, 7]

    def test_baselines_are_measured_only_if_asked_for(self, planned):
        assert not planned(RECIPES).recipes[0].config.baselines
        assert planned(RECIPES, baselines=True).recipes[0].config.baselines

    def test_a_default_that_is_given_does_override(self, planned):
        plan = planned(RECIPES, batch_size=Config().batch_size)
        assert {recipe.config.batch_size for recipe in plan.recipes} == {64}

    def test_a_recipe_is_checked_with_them(self, planned):
        moco = {"moco": ("--method=moco", "--queue_size=24", "--batch_size=10")}
        with pytest.raises(ConfigError, match=r"moco\.cfg: --queue_size=24 must be"):
            planned(moco)
        assert planned(moco, batch_size=12).recipes[0].config.queue_size == 24

    def test_a_seed_is_refused(self, planned):
        with pytest.raises(ConfigError, match="Pass --seeds"):
            planned(RECIPES, seed=3)

    def test_a_recipe_s_seed_and_workdir_do_not_count(self, planned):
        recipe = planned(RECIPES).recipes[0]
        assert {"seed", "workdir"}.isdisjoint(recipe.changed_settings)
        assert recipe.changed_settings["method"] == "simclr"
        assert "image_size" not in recipe.changed_settings


class TestMistakes:
    def test_all_of_all_recipes_at_once(self, planned, tmp_path):
        bad = {
            "typo": ("--methd=simclr",),
            "good": (),
            "choice": ("--method=magic",),
            "type": ("--steps=few",),
        }
        with pytest.raises(ConfigError) as error:
            planned(bad)
        lines = str(error.value).split("\n")
        assert len(lines) == 3
        for line, name, message in zip(
            lines,
            ("typo", "choice", "type"),
            ("'methd'. Did you mean: method", "--method=magic is not", "--steps=few"),
            strict=True,
        ):
            assert line.startswith(f"{tmp_path}/{name}.cfg: ")
            assert message in line

    def test_no_such_file(self):
        config = CompareConfig(configs=("nowhere.cfg",), workdir="w")
        with pytest.raises(ConfigError, match=r"^nowhere\.cfg: there is no such file"):
            make_plan(config, {})

    def test_two_of_one_name(self, tmp_path):
        for folder in ("one", "other"):
            (tmp_path / folder).mkdir()
            (tmp_path / folder / "same.cfg").write_text("")
        configs = (f"{tmp_path}/one/same.cfg", f"{tmp_path}/other/same.cfg")
        with pytest.raises(ConfigError, match=r"all are named 'same'.*Rename a file"):
            make_plan(CompareConfig(configs=configs, workdir="w"), {})

    def test_two_of_one_folder(self, planned):
        with pytest.raises(ConfigError, match="one folder: a-seed0"):
            planned({"a": (), "a-seed0": ("--method=frozen",)})

    @pytest.mark.parametrize(
        ("flags", "name"),
        [
            (("--eval_split=test",), "eval_split: test, validation"),
            (("--block_columns=brand",), "block_columns"),
            (("--on_bad_image=reject",), "on_bad_image: fail, reject"),
        ],
    )
    def test_other_products_cannot_be_compared(self, flags, name, planned):
        with pytest.raises(ConfigError, match=f"Recipes differ in --{name}"):
            planned({"a": flags, "b": ()})

    def test_data_sets_matter_where_there_is_no_table(self, planned):
        recipes = {"a": ("--dataset=one",), "b": ("--dataset=two",)}
        assert len(planned(recipes).recipes) == 2
        with pytest.raises(ConfigError, match="differ in --dataset: one, two"):
            planned(recipes, catalog="")
        tables = {"a": ("--catalog=one.csv",), "b": ("--catalog=two.csv",)}
        configs = planned(tables).config.configs
        with pytest.raises(ConfigError, match=r"--catalog: one\.csv, two\.csv"):
            make_plan(CompareConfig(configs=configs, workdir="w"), {})


def test_its_flags_ask_for_the_same_again(planned, tmp_path):
    plan = planned(RECIPES, seeds=("4",), images=480, page=False, image_size=96)
    given = command.given_flags(_Both, ["", *plan.flags])
    names = {field.name for field in dataclasses.fields(CompareConfig)}
    own = {name: given.pop(name) for name in names & set(given)}
    assert CompareConfig(**own) == plan.config
    assert given == plan.overrides
    assert make_plan(CompareConfig(**own), given) == plan


@dataclasses.dataclass(kw_only=True)
class _Both(CompareConfig, Config):
    """All flags."""


def test_a_home_folder_is_understood(planned, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    plan = planned({"a": ()}, workdir="~/comparison")
    assert plan.folder == tmp_path / "comparison"
    assert plan.runs[0].workdir.path == Path(tmp_path, "comparison", "a-seed0")


class TestFigures:
    def test_there_are_none_before_the_end(self, planned):
        trained, frozen = planned({"a": (), "f": ("--method=frozen",)}).runs[:2]
        assert trained.read_figures() == frozen.read_figures() == {}
        trained.workdir.open(trained.config)
        trained.workdir.write_metrics({"split": "", "before": {"fms": 0.5}})
        assert trained.read_figures() == {}

    def test_those_of_a_training_and_its_cost(self, planned):
        (run,) = planned({"a": ()}, seeds=("0",)).runs
        run.workdir.open(run.config)
        metrics = {"after": {"fms": 0.5}, "before": {"ari": 1}, "training": {"s": 2}}
        run.workdir.write_metrics(metrics)
        assert run.read_figures() == {"fms": 0.5, "s": 2}

    def test_those_of_an_evaluation(self, planned):
        (run,) = planned({"f": ("--method=frozen",)}, seeds=("0",)).runs
        run.workdir.open(run.config)
        run.workdir.write_metrics({"fms": 0.5})
        assert run.read_figures() == {"fms": 0.5}
