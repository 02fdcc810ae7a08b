"""Every method of this project, by the protocol of the public benchmark.

    python benchmarks/variants_systems.py --data_dir=DATA --runs=RUNS

DATA holds hm_personalized_fashion/variants, as `python -m cv_tf.prepare` has made it.
Each recipe is trained as it stands on the products of `train`, with one seed, and all
8,096 products are measured by `python -m cv_tf.benchmark`; the pretrained network is
measured without training. What is finished in RUNS is not done again.

Written are benchmarks/results/variants.json, which has the systems of peers.json after
those of this project, its tables in variants.md, and those of
docs/benchmarks/variants.md; they have the recipes whose results are in RUNS. --recipes
trains and measures some alone. Two idle cores take eight to fifteen minutes a recipe.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from own_catalogue import run

from cv_tf.atomic import write_text
from cv_tf.benchmark import BenchmarkConfig, run as measure
from cv_tf.benchmarking import markdown_tables, read_results

HERE = Path(__file__).parent
RESULTS, CONFIGS = HERE / "results", HERE.parent / "configs"
PAGE = HERE.parent / "docs" / "benchmarks" / "variants.md"
DATASET = "hm_personalized_fashion/variants"
QUICK = ("--baselines=false", "--probe_every=0")
# What each recipe learns from, in the order in which they are trained.
RECIPES = {
    "hm_triplet": "triplets, labels of train",
    "hm_found": "triplets of groups found without labels",
    "hm_cvssl": "part_contrast",
    "hm_supcon": "supervised contrast, labels of train",
    "hm_whole": "SimCLR on whole products",
    "hm_pbcnet": "momentum, a queue and combined parts",
    "hm_moco": "MoCo v2, crops",
    "hm_simclr": "SimCLR, crops",
    "hm_byol": "BYOL, crops",
    "hm_simsiam": "SimSiam, crops",
}
# Measured as they are, without training.
PRETRAINED = {"hm_frozen": "untrained", "hm_frozen_color": "untrained, photos in color"}
SYSTEMS = PRETRAINED | RECIPES
_TABLE = re.compile(r"^\| system \|.*\n(?:\|.*\n)+", re.MULTILINE)


def main() -> None:
    """Trains and measures what is missing, and writes the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data_dir", required=True, help="folder of the data set")
    parser.add_argument("--cache_dir", default="", help="folder of lists of photos")
    parser.add_argument("--runs", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--recipes", nargs="*", choices=SYSTEMS, default=[*SYSTEMS])
    given = parser.parse_args()
    given.runs.mkdir(parents=True, exist_ok=True)
    data = [f"--data_dir={given.data_dir}", f"--cache_dir={given.cache_dir}"]
    files = {recipe: given.runs / f"{recipe}.json" for recipe in SYSTEMS}
    for recipe in given.recipes:
        if not files[recipe].exists():
            model = _model(recipe, given.runs / recipe, data)
            name = f"--name=cv_tf, {SYSTEMS[recipe]} ({recipe}.cfg)"
            run("benchmark", f"--output={files[recipe]}", name, *data, *model)
    write_tables([path for path in files.values() if path.exists()])


def _model(recipe: str, workdir: Path, data: list[str]) -> tuple[str, ...]:
    """The flags of a model to measure, which is trained if its recipe does so."""
    flagfile, to = f"--flagfile={CONFIGS}/{recipe}.cfg", f"--workdir={workdir}"
    if recipe in PRETRAINED:
        return "--method=frozen", flagfile
    run("train", flagfile, f"--dataset={DATASET}", to, *data, *QUICK)
    return (to,)


def write_tables(results: list[Path]) -> None:
    """Writes variants.json, variants.md, and the tables of the page."""
    files = tuple(map(str, [*results, RESULTS / "peers.json"]))
    stored = RESULTS / "variants.json"
    measure(BenchmarkConfig(results=files, output=str(stored), overwrite=True))
    tables = iter(markdown_tables(read_results(stored).systems))
    text = PAGE.read_text(encoding="utf-8")
    write_text(PAGE, _TABLE.sub(lambda _: next(tables), text))


if __name__ == "__main__":
    main()
