"""The products that a comparison is about."""

from __future__ import annotations

from cv_tf.catalog import Catalog
from cv_tf.catalog.checks import check_frame
from cv_tf.catalog.products import read_products
from cv_tf.comparison.plan import Plan, Run
from cv_tf.settings import ConfigError
from cv_tf.training.splits import has_variants, sample_styles, split_catalog

# Enough to show neighbors among, and quick to embed.
_MOST_SHOWN = 1000


def read_compared(plan: Plan) -> Catalog:
    """Reads the catalogue, and checks that every run can report on it.

    Raises:
      ConfigError: With what is wrong for which recipe.
      CatalogError: If the catalogue cannot be used at all.
    """
    catalog = read_products(plan.recipes[0].config)
    problems = []
    for run in plan.runs:
        try:
            _check(run, catalog)
        except ValueError as error:
            problems.append(f"{run.recipe.flagfile}: {error}")
    if problems:
        raise ConfigError("\n".join(dict.fromkeys(problems)))
    return catalog


def _check(run: Run, catalog: Catalog) -> None:
    config = run.config
    check_frame(catalog.name, config.frame, catalog.box)
    split = split_catalog(catalog, config.train_split, config.eval_split, config.seed)
    if not has_variants(catalog.style[split.evaluation]):
        raise ConfigError(
            f"{catalog.name} has no two products to report on that share a style_id "
            f"(seed {config.seed}), so there is nothing to compare. Label some color "
            "variants."
        )


def shown_products(catalog: Catalog, run: Run) -> Catalog:
    """A sample of the products that a run reports on: whole styles, a thousand at most.

    It depends on nothing but the catalogue, the seed and the splits.
    """
    config = run.config
    split = split_catalog(catalog, config.train_split, config.eval_split, config.seed)
    reported = catalog.select(split.evaluation)
    return reported.select(sample_styles(reported.style, _MOST_SHOWN, config.seed))
