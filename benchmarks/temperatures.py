"""Which temperature suits each contrastive method, on a labelled catalogue.

    python benchmarks/temperatures.py --catalog=CATALOG.csv --runs=runs/temperatures

The recipe of each method is trained with several temperatures, by `cv_tf.compare`, on
three quarters of the styles of the split `train`; the figures are of the others. What
is reported on elsewhere, the split `validation`, is not looked at. Vectors are plain,
as those of configs/compare_hm.cfg: the mean of the network's last map, from grey photos
of 128 pixels, not whitened. What has been trained already is not trained again. Writes
benchmarks/results/temperatures.md and .json.
"""

from __future__ import annotations

import argparse
import csv
import random
from pathlib import Path

from stored_tables import write_results

import cv_tf.compare
from cv_tf.comparison import CompareConfig, Row
from cv_tf.metrics import FIGURES

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "benchmarks" / "results" / "temperatures.md"
TEMPERATURES = 0.05, 0.1, 0.2, 0.5
# The recipe of each method; all but part_contrast have random crops.
RECIPES = {
    "part_contrast": "hm_cvssl",
    "simclr": "hm_simclr",
    "moco": "hm_moco",
    "supcon": "hm_supcon",
}
COLUMNS = FIGURES["recall_at_1_in_block"], FIGURES["map_at_r"]
PLAIN = {
    "embed_size": 128,
    "feature_stride": 32,
    "embedding": "whole",
    "average": "none",
    "whiten": "none",
    "color": "off",
    "probe_every": 0,
}


def main() -> None:
    """Trains what has not been trained, and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--catalog", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs/temperatures"))
    parser.add_argument("--cache_dir", default="", help="as that of cv_tf.train")
    parser.add_argument("--methods", nargs="+", choices=RECIPES, default=[*RECIPES])
    parser.add_argument("--seeds", nargs="+", default=["0"])
    parser.add_argument("--images", type=int, default=9600, help="seen by a training")
    arguments = parser.parse_args()
    arguments.runs.mkdir(parents=True, exist_ok=True)
    catalog = split_anew(arguments.catalog, arguments.runs / "train.csv")
    tables = []
    for method in arguments.methods:
        config = CompareConfig(
            configs=tuple(recipes_of(method, arguments.runs)),
            seeds=tuple(arguments.seeds),
            images=arguments.images,
            workdir=str(arguments.runs / method),
            page=False,
        )
        rows = cv_tf.compare.run(
            config, catalog=str(catalog), cache_dir=arguments.cache_dir, **PLAIN
        )
        tables.append(table(method, rows))
        write_results(RESULT, "\n".join([*preamble(arguments), *tables]))


def split_anew(catalog: Path, path: Path, share: float = 0.25) -> Path:
    """Writes the products of `train` alone, a share of the styles as `validation`."""
    with catalog.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "train"]
    styles = sorted({row["style_id"] for row in rows})
    held = set(random.Random(0).sample(styles, round(share * len(styles))))  # noqa: S311
    for row in rows:
        row["image"] = str((catalog.parent / row["image"]).resolve())
        row["split"] = "validation" if row["style_id"] in held else "train"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return path


def recipes_of(method: str, folder: Path) -> list[str]:
    """Writes the recipe of a method with each temperature; returns the files."""
    recipe = (ROOT / "configs" / f"{RECIPES[method]}.cfg").read_text()
    paths = []
    for temperature in TEMPERATURES:
        path = folder / f"{method}_{temperature:g}.cfg"
        path.write_text(f"{recipe}--temperature={temperature:g}\n")
        paths.append(str(path))
    return paths


def preamble(arguments: argparse.Namespace) -> list[str]:
    """The head of the results."""
    seeds = len(arguments.seeds)
    about = " ".join("\n\n".join(__doc__.split("\n\n")[2:]).split())
    return [
        "# Temperatures of the contrastive methods",
        "",
        "`python benchmarks/temperatures.py --catalog=CATALOG.csv "
        f"--images={arguments.images} --methods {' '.join(arguments.methods)}`",
        "",
        about.partition(" What has been trained")[0],
        "",
        f"Each training sees {arguments.images:,} photos; "
        f"{seeds} {'seed' if seeds == 1 else 'seeds'}. Beside each figure stands its "
        "difference to the best of the table, with its 95% interval over styles, "
        "paired: where that has 0 in it, the two are level.",
        "",
    ]


def table(method: str, rows: tuple[Row, ...]) -> str:
    """The figures of a method, one temperature a row."""
    heads = [f"{figure.label} | difference" for figure in COLUMNS]
    lines = [
        f"## {method}, configs/{RECIPES[method]}.cfg",
        "",
        f"| temperature | {' | '.join(heads)} |",
        "| ---: |" + " ---: | ---: |" * len(COLUMNS),
    ]
    for row in sorted(rows, key=lambda row: row.recipe.config.temperature):
        cells = [f"{row.recipe.config.temperature:g}"]
        for figure in COLUMNS:
            cells += [row.cell(figure).mean, row.spell_difference(figure)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", ""])


if __name__ == "__main__":
    main()
