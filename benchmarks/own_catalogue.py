r"""Training without labels on the photos to be grouped, beside labels of others.

    python benchmarks/own_catalogue.py --catalog=CATALOG.csv --runs=runs/own_catalogue

CATALOG has the splits `train` and `validation`, of different styles. What is measured
are the products of `validation`, by vectors of

- the untrained network, whitened on these photos (`--steps=0`);
- configs/hm_found.cfg, trained on these photos without any label, for each seed;
- configs/hm_triplet.cfg, trained on every label of `train`, for each of --label_seeds.

Each is embedded as its recipe says, searched as `search` does, and grouped as `group`
does, at a threshold that sees no label. Steps that are finished are not done again. It
writes benchmarks/results/own_catalogue.json and .md; 95% intervals are by a bootstrap
over styles, those of differences paired.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from seed_tables import as_row, as_table, difference, mean_over_seeds

from cv_tf.atomic import write_json, write_text
from cv_tf.catalog import read_catalog, write_rows
from cv_tf.metrics import ProductResults

RESULTS = Path(__file__).parent / "results"
TITLES = {
    "untrained": "no training",
    "own": "trained on these photos, no labels",
    "labels": "trained on labels of other styles",
}
HEAD = """# Trained on the photos that are to be grouped

`{command}`.
Seeds: {untrained} untrained, {own} without labels, {labels} with labels; figures are
means over them. 95% intervals are by a bootstrap over styles. Groups are found without
labels.

"""
DIFFERENCES = (("own", "untrained"), ("own", "labels"))


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--catalog", required=True, help="table with styles and splits")
    parser.add_argument("--runs", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--label_seeds", type=int, nargs="*", default=[0])
    parser.add_argument("--cache_dir", default="", help="folder of converted photos")
    arguments = parser.parse_args()
    runs = Runs(arguments.catalog, arguments.runs, arguments.cache_dir)
    own = [f"found{seed}" for seed in arguments.seeds]
    labels = [f"labels{seed}" for seed in arguments.label_seeds]
    runs.train("untrained", "hm_cvssl.cfg", runs.unlabelled, "--steps=0")
    for name, seed in zip(own, arguments.seeds, strict=True):
        runs.train(name, "hm_found.cfg", runs.unlabelled, f"--seed={seed}")
    for name, seed in zip(labels, arguments.label_seeds, strict=True):
        runs.train(name, "hm_triplet.cfg", arguments.catalog, f"--seed={seed}")
    ways = {"untrained": ["untrained"], "own": own, "labels": labels}
    scores = {
        way: mean_over_seeds([runs.measure(it) for it in of])
        for way, of in ways.items()
        if of
    }
    for first, second in DIFFERENCES:
        if second in scores:
            scores[f"{first} less {second}"] = difference(scores[first], scores[second])
    rows = [as_row(name, of) for name, of in scores.items()]
    command = "python benchmarks/own_catalogue.py --catalog=CATALOG.csv --runs=RUNS"
    seeds = {way: len(of) for way, of in ways.items()}
    content = {"command": command, "seeds": seeds, "rows": rows}
    write_json(RESULTS / "own_catalogue.json", content)
    text = HEAD.format(command=command, **seeds) + as_table(rows, TITLES) + "\n"
    write_text(RESULTS / "own_catalogue.md", text)


class Runs:
    """The folder of runs: each has a workdir, vectors, and what they add to figures."""

    def __init__(self, catalog: str, folder: Path, cache_dir: str):
        self.catalog, self.folder = catalog, folder
        folder.mkdir(parents=True, exist_ok=True)
        self.cache = [f"--cache_dir={cache_dir}"] if cache_dir else []
        self.unlabelled = str(folder / "validation.csv")
        products = read_catalog(catalog).where_split("validation")
        names = [products.block_names[block] for block in products.block]
        columns = (products.product_id, products.image, names)
        rows = zip(*columns, strict=True)
        write_rows(Path(self.unlabelled), ("product_id", "image", "category"), rows)

    def train(self, name: str, recipe: str, catalog: str, *flags: str) -> None:
        """Trains a run, or goes on with it."""
        to = [f"--workdir={self.folder / name}", f"--catalog={catalog}", *self.cache]
        quick = ("--baselines=false", "--probe_every=0")
        run("train", f"--flagfile=configs/{recipe}", *to, *quick, *flags)

    def measure(self, name: str) -> ProductResults:
        """Embeds the measured photos by a run, and reads what they add to figures."""
        vectors = self.folder / f"{name}.parquet"
        queries = self.folder / f"{name}.queries.parquet"
        to = (f"--catalog={self.unlabelled}", f"--output={vectors}")
        run("embed", f"--workdir={self.folder / name}", *to, *self.cache)
        if not queries.exists():
            by = (f"--labels={self.catalog}", "--labels_split=validation")
            run("evaluate", f"--embeddings={vectors}", *by, f"--queries={queries}")
        return ProductResults.read(queries, "Remove it to have it made anew.")


def run(verb: str, *flags: str) -> None:
    """Runs a verb as a user does."""
    command = [sys.executable, "-m", f"cv_tf.{verb}", *flags]
    subprocess.run(command, check=True)  # noqa: S603 (of this file alone)


if __name__ == "__main__":
    main()
