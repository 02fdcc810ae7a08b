"""The recipes and runs of a comparison, with the settings of each."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from absl import flags, logging

from cv_tf import command
from cv_tf.config import Config
from cv_tf.errors import UserError
from cv_tf.files import expanded, repeated
from cv_tf.metrics import ProductResults
from cv_tf.settings import ConfigError, check_all, setting
from cv_tf.training import Workdir

_MAX_SEED = 2**31 - 1
# Settings that say which products are reported on, and which of them are compared.
_SAME = ("block_columns", "eval_split", "on_bad_image")
_NOT_OF_A_RECIPE = ("seed", "workdir", "baselines")


@dataclasses.dataclass(kw_only=True)
class CompareConfig:
    """Settings of a comparison; all other flags hold for every recipe.

    Raises:
      ConfigError: At construction, if a value cannot be used.
    """

    main_flags: ClassVar[tuple[str, ...]] = (
        *("configs", "seeds", "images", "workdir", "page", "catalog"),
        *("on_bad_image", "embed_size"),
    )

    configs: tuple[str, ...] = setting(
        (), "Recipes, comma-separated: files of flags of cv_tf train."
    )
    seeds: tuple[str, ...] = setting(
        ("0", "1", "2"), "Each recipe is trained once with each, comma-separated."
    )
    images: int = setting(
        0,
        "Photos that each training sees, which makes its steps: this by its batch "
        "size. 0 keeps the steps of each recipe.",
        minimum=0,
    )
    workdir: str = setting("", "Folder of the comparison, with one of each run in it.")
    page: bool = setting(True, "Also write a page, with photos of what is found.")

    def __post_init__(self):
        check_all(self)
        if not self.configs or "" in self.configs:
            raise ConfigError(
                "--configs names no recipe, or has an empty entry. Name files such as "
                "--configs=configs/hm_cvssl.cfg,configs/hm_simclr.cfg."
            )
        if not self.workdir:
            raise ConfigError(
                "--workdir is not set. Name a folder for the runs and the table."
            )
        texts = tuple(map(str, self.seeds))
        seeds = [int(text) if text.isdecimal() else -1 for text in texts]
        if not all(0 <= seed <= _MAX_SEED for seed in seeds or [-1]):
            raise ConfigError(
                f"--seeds={','.join(texts)} must be numbers from 0 to "
                f"{_MAX_SEED}, such as --seeds=0,1,2."
            )
        if repeated(seeds):
            raise ConfigError(f"--seeds={','.join(texts)} names a seed twice.")
        self.seeds = tuple(map(str, seeds))

    @property
    def seed_numbers(self) -> tuple[int, ...]:
        """`seeds` as numbers."""
        return tuple(map(int, self.seeds))


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A training to be compared: the settings of a flagfile and those of all recipes.

    Its name is that of the flagfile, without the ending.
    """

    name: str
    flagfile: str
    config: Config

    @property
    def is_frozen(self) -> bool:
        """Whether it is evaluated without training."""
        return self.config.method == "frozen"

    @property
    def changed_settings(self) -> dict[str, Any]:
        """Its settings that differ from the defaults of the package."""
        changed = command.changed_settings(self.config)
        return {name: changed[name] for name in changed if name not in _NOT_OF_A_RECIPE}


@dataclasses.dataclass(frozen=True)
class Run:
    """A recipe with one seed; `config` has all settings, with its seed and workdir."""

    recipe: Recipe
    config: Config

    @property
    def workdir(self) -> Workdir:
        """Folder of the run, inside the folder of the comparison."""
        return Workdir(self.config.workdir)

    @property
    def name(self) -> str:
        """Name of the folder of the run."""
        return Path(self.config.workdir).name

    @property
    def title(self) -> str:
        """Name of the run, to display."""
        if self.recipe.is_frozen:
            return self.recipe.name
        return f"{self.recipe.name}, seed {self.config.seed}"

    @property
    def log(self) -> Path:
        """File for what the run prints; beside its folder, which a training owns."""
        return self.workdir.path.with_name(f"{self.name}.log")

    def read_figures(self) -> dict[str, float]:
        """Figures of quality and cost; empty before the run has finished."""
        metrics = self.workdir.read_metrics()
        if self.recipe.is_frozen:
            return {k: of for k, of in metrics.items() if not isinstance(of, dict)}
        if "after" not in metrics:
            return {}
        return metrics["after"] | metrics.get("training", {})

    def read_queries(self) -> ProductResults | None:
        """What each product adds to the figures; None, with a warning, if damaged.

        There is none of an earlier version, either.
        """
        try:
            return self.workdir.read_queries()
        except UserError as error:
            logging.warning("%s", error)
            return None


@dataclasses.dataclass(frozen=True)
class ComparisonPlan:
    """All runs of a comparison.

    Runs are in the order in which they are made: all recipes, as they were named, with
    one seed, then all with the next, so that a comparison that is stopped has a table.
    The overrides are settings that hold for every recipe.
    """

    config: CompareConfig
    overrides: dict[str, Any]
    recipes: tuple[Recipe, ...]
    runs: tuple[Run, ...]

    @property
    def folder(self) -> Path:
        """Folder of the comparison."""
        return Path(expanded(self.config.workdir))

    @property
    def flags(self) -> list[str]:
        """The flags that ask for this comparison."""
        return command.to_flags(command.changed_settings(self.config) | self.overrides)


def make_plan(config: CompareConfig, overrides: Mapping[str, Any]) -> ComparisonPlan:
    """Reads the recipes and plans the runs.

    Args:
      config: Settings of the comparison.
      overrides: Settings that replace those of each recipe.

    Raises:
      ConfigError: If there are mistakes; the message lists those of all recipes.
    """
    problems = _check_overrides(config, overrides)
    recipes = []
    for flagfile in config.configs if not problems else ():
        try:
            recipes.append(_read_recipe(flagfile, config, overrides))
        except (flags.Error, UserError) as error:
            problems.append(f"{flagfile}: {error}")
    runs = _runs(recipes, config)
    problems += _check_names(config.configs, runs)
    problems += _check_products(recipes)
    if problems:
        raise ConfigError("\n".join(problems))
    return ComparisonPlan(config, dict(overrides), tuple(recipes), runs)


def _check_overrides(config: CompareConfig, overrides: Mapping[str, Any]) -> list[str]:
    problems = []
    if "seed" in overrides:
        problems.append("--seed is that of one run. Pass --seeds.")
    if "steps" in overrides and config.images:
        problems.append(
            f"--steps={overrides['steps']} and --images={config.images} both say how "
            "long to train. Pass one of them."
        )
    return problems


def _read_recipe(
    flagfile: str, config: CompareConfig, overrides: Mapping[str, Any]
) -> Recipe:
    path = Path(expanded(flagfile))
    if not path.is_file():
        raise ConfigError("there is no such file.")
    given = command.given_flags(Config, ["", f"--flagfile={path}"])
    # Baselines without training are recipes of their own here.
    given |= {"baselines": False, **overrides}
    recipe = Recipe(path.stem, flagfile, Config(**given))
    if recipe.is_frozen or not config.images:
        return recipe
    steps, rest = divmod(config.images, recipe.config.batch_size)
    if rest or not steps:
        raise ConfigError(
            f"--images={config.images} is no multiple of its "
            f"--batch_size={recipe.config.batch_size}."
        )
    trained = dataclasses.replace(recipe.config, steps=steps)
    return dataclasses.replace(recipe, config=trained)


def _runs(recipes: Sequence[Recipe], config: CompareConfig) -> tuple[Run, ...]:
    runs = []
    for seed, recipe in itertools.product(config.seed_numbers, recipes):
        name = recipe.name if recipe.is_frozen else f"{recipe.name}-seed{seed}"
        if not recipe.is_frozen or seed == config.seed_numbers[0]:
            folder = str(Path(config.workdir, name))
            own = dataclasses.replace(recipe.config, seed=seed, workdir=folder)
            runs.append(Run(recipe, own))
    return tuple(runs)


def _check_names(flagfiles: Sequence[str], runs: Sequence[Run]) -> list[str]:
    problems = [
        f"{', '.join(f for f in flagfiles if Path(f).stem == stem)}: all are named "
        f"'{stem}', and rows of the table must differ. Rename a file."
        for stem in repeated(Path(flagfile).stem for flagfile in flagfiles)
    ]
    folders = repeated(run.name for run in runs)
    if folders and not problems:
        names = ", ".join(folders)
        problems.append(f"Two runs would have one folder: {names}. Rename a recipe.")
    return problems


def _check_products(recipes: Sequence[Recipe]) -> list[str]:
    """Problems of recipes that report on different products."""
    configs = [recipe.config for recipe in recipes]
    # Where there is a table, the data set does not matter.
    has_tables = all(config.catalog for config in configs)
    names = ("catalog", *(() if has_tables else ("dataset", "data_dir")), *_SAME)
    values = {name: {getattr(config, name) for config in configs} for name in names}
    return [
        f"Recipes differ in --{name}: {', '.join(sorted(map(str, differing)))}. Pass "
        "it to compare all on the same products."
        for name, differing in values.items()
        if len(differing) > 1
    ]
