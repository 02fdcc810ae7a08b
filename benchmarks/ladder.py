"""What each piece of the part-based model is worth, on a labelled catalogue.

    python benchmarks/ladder.py --catalog=CATALOG.csv --runs=runs/ladder

Each rung is one command of this package, with the settings of the rung it stands on and
one thing changed; rungs that train are run with several seeds. A rung that has its
figures in --runs already is not run again, so that a ladder that was stopped goes on.
Rungs that are left out (--only) keep the figures of ladder.json and are marked with †.
Rungs that learn from no label are grouped at the threshold that is expected without
any (--threshold=expected), the others at that which is best on the labels of `train`;
what was grouped at the latter by an earlier version is marked with ‡, and what had
other settings then with §.
Writes the figures to benchmarks/results/ladder.json, a table to ladder.md beside it,
and a picture to docs/ladder.png (matplotlib; installed with the extra `dev`).

The catalogue needs the column `split`: models learn from `train`, without labels where
the rung does not say otherwise, and the figures are of `validation`.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import json
import platform
import random
import statistics
import subprocess
import sys
from pathlib import Path

from cv_tf.metrics import FIGURES

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
NAMES = ("recall_at_1_in_block", "map_at_r", "map_at_r_in_block", "fms", "cgacc", "ari")
COLUMNS = tuple(FIGURES[name] for name in (*NAMES, "pairwise_f1"))
# Sections of the table: no training, training without labels, training with labels, and
# some of these with the colors of the photos.
FROZEN, LEARNED, LABELLED = "frozen", "self-supervised", "supervised"
COLORED = "with the colors of the photos"
SECTIONS = FROZEN, LEARNED, LABELLED, COLORED


@dataclasses.dataclass(frozen=True)
class Rung:
    """One model of the ladder.

    Attributes:
      name: Name of its files.
      title: What changed against the rung that it stands on.
      section: Section of the table, one of `SECTIONS`.
      settings: All flags that differ from the package's defaults.
      labels: Share of the styles of `train` whose labels are not hidden, 0 to 1.
      trained: Name of the rung whose Embedder is measured, without a training of its
        own; "" for one of its own.
    """

    name: str
    title: str
    section: str
    settings: dict[str, str | int | float]
    labels: float = 1.0
    trained: str = ""

    @property
    def is_frozen(self) -> bool:
        """Whether nothing is trained, so that all seeds are equal."""
        return self.settings["method"] == "frozen"

    @property
    def flags(self) -> list[str]:
        """The settings as a command line."""
        return [f"--{name}={value}" for name, value in self.settings.items()]

    def but(self, name: str, title: str, section: str = "", **settings) -> Rung:
        """The same with some settings changed."""
        merged = {**self.settings, **settings}
        return Rung(name, title, section or self.section, merged)

    def with_color(self) -> Rung:
        """The same Embedder, with colors in the ranking and in the groups."""
        settings = {**self.settings, "color": "auto"}
        trained = "" if self.is_frozen else self.name
        name = f"{self.name}_color"
        title = self.title.removeprefix("+ ")
        return Rung(name, title, COLORED, settings, trained=trained)

    def without_labels(self) -> Rung:
        """The same, grouped at a threshold without labels if it learns from none."""
        if self.labels < 1.0 or self.settings["whiten"] == "labels":
            return self
        settings = {**self.settings, "threshold": "expected"}
        return dataclasses.replace(self, settings=settings)


def ladder() -> list[Rung]:
    """All rungs, in the order of the table."""
    frozen = frozen_rungs()
    grouped = next(rung for rung in frozen if rung.name == "groups")
    trained = grouped.but(
        "part_views",
        "part views, a loss a part",
        LEARNED,
        method="part_contrast",
        image_size=128,
        embed_size=224,
        frozen_stride=8,
        keep_background="true",
        batches="block",
        steps=150,
        learning_rate=1e-4,
    )
    recipe = trained.but(
        "random_batches", "part views, batches of all blocks", batches="random"
    )
    taught = trained.but(
        "found_groups",
        "triplet on found groups, by parts",
        method="triplet",
        views="parts",
        pseudo_labels="all",
        batches="random",
        steps=400,
        learning_rate=2e-4,
    )
    *whole_views, whole_random = whole_rungs(trained)
    labelled = labelled_rungs(trained, taught)
    rungs = [
        *frozen,
        *whole_views,
        *part_rungs(trained),
        whole_random,
        recipe,
        recipe.but("steps_50", "part views, 50 steps", steps=50),
        recipe.but("steps_500", "part views, 500 steps", steps=500),
        recipe.but("train_192", "part views of 192 pixels", image_size=192),
        taught.but(
            "found_groups_whole", "triplet on found groups, wholes", views="whole"
        ),
        taught,
        *labelled,
        *(rung.with_color() for rung in (grouped, recipe, taught, labelled[0])),
    ]
    return [rung.without_labels() for rung in rungs]


def frozen_rungs() -> list[Rung]:
    """The frozen network: its input, its parts and its whitening."""
    color = Rung(
        "color",
        "frozen network, color",
        FROZEN,
        {
            "method": "frozen",
            "image_size": 224,
            "frame": "photo",
            "color_input": "rgb",
            "average": "none",
            "whiten": "none",
            "embedding": "whole",
            "feature_stride": 32,
            # The vectors alone are compared.
            "color": "off",
        },
    )
    grey = color.but("grey", "grey", color_input="grey")
    frame = grey.but("frame", "+ the product's frame", frame="auto")
    inverse = frame.but("inverse", "+ averaged with its inversion", average="inverse")
    white = inverse.but("whitened", "+ whitening", whiten="pca")
    late = white.but(
        "late_parts",
        "+ parts of the last map, 7 x 7",
        embedding="parts",
        parts="grid_7x7",
    )
    early = late.but("parts", "+ parts of the map of stride 16", feature_stride=16)
    mirrored = early.but("symmetric", "+ both halves as one", parts="symmetric_7x7")
    grouped = mirrored.but("groups", "+ whitening by found groups", whiten="groups")
    return [
        *(color, grey, frame, inverse, white, late),
        early.but("whole_16", "no parts, the map of stride 16", embedding="whole"),
        early.but("parts_3x3", "parts 3 x 3", parts="grid_3x3"),
        early,
        mirrored.but(
            "symmetric_5x5", "both halves as one, 5 x 5", parts="symmetric_5x5"
        ),
        mirrored,
        mirrored.but(
            "symmetric_10x10", "both halves as one, 10 x 10", parts="symmetric_10x10"
        ),
        grouped,
        grouped.but("use_128", "photos embedded at 128 pixels", image_size=128),
    ]


def whole_rungs(trained: Rung) -> list[Rung]:
    """Views of whole products, which the trained part views are compared with."""
    whole = trained.but(
        "whole_views", "whole views, vectors of parts", method="simclr", views="whole"
    )
    # Models without any parts.
    no_parts = whole.but(
        "whole_model",
        "whole views, whole vectors",
        embedding="whole",
        feature_stride=32,
    )
    # Beside color, what SimCLR does: flips, and blur.
    crops = {"views": "crops", "flip": 0.5, "blur": 0.5}
    return [
        no_parts.but(
            "crop_model", "random crops, flipped and blurred, whole vectors", **crops
        ),
        no_parts,
        whole.but(
            "random_crops",
            "random crops, flipped and blurred, vectors of parts",
            **crops,
        ),
        whole,
        whole.but(
            "whole_random", "whole views, batches of all blocks", batches="random"
        ),
    ]


def part_rungs(trained: Rung) -> list[Rung]:
    """Part views: their layout, and how they are compared."""
    coarse = trained.but("part_views_3x3", "part views, 3 x 3", parts="grid_3x3")
    return [
        trained,
        coarse,
        coarse.but(
            "pixels_3x3", "part views, 3 x 3, cut from pixels", parts_from="pixels"
        ),
        trained.but("part_mean", "part views, the mean of the parts", aggregate="mean"),
        trained.but(
            "part_queue",
            "part views, their mean, momentum and queue",
            method="moco",
            views="parts",
            aggregate="mean",
        ),
    ]


def labelled_rungs(trained: Rung, taught: Rung) -> list[Rung]:
    """Training with labels; the first rung learns from whole products."""
    labelled = taught.but(
        "triplet_parts",
        "triplet, every label, by parts",
        LABELLED,
        pseudo_labels="none",
        whiten="labels",
    )
    return [
        trained.but(
            "triplet",
            "triplet, every label",
            LABELLED,
            method="triplet",
            batches="random",
            learning_rate=2e-4,
            whiten="labels",
        ),
        labelled,
        dataclasses.replace(
            labelled.but(
                "some_labels",
                "one label in ten, groups of the others",
                pseudo_labels="missing",
            ),
            labels=0.1,
        ),
        trained.but(
            "labels",
            "part views, all labels in the whitening",
            LABELLED,
            whiten="labels",
        ),
    ]


def main() -> None:
    """Runs what has no figures yet, then writes the table and the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--catalog", required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs/ladder"))
    parser.add_argument("--cache_dir", default="", help="as that of cv_tf.train")
    parser.add_argument("--only", nargs="+", help="names of rungs")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments = parser.parse_args()
    rungs = ladder()
    arguments.runs.mkdir(parents=True, exist_ok=True)
    for seed in arguments.seeds:
        for rung in rungs:
            if rung.is_frozen and seed != arguments.seeds[0]:
                continue
            if not arguments.only or rung.name in arguments.only:
                measure(rung, seed, arguments)
    measured = [(rung, read(rung, arguments.runs)) for rung in rungs]
    write([*filter(None, map(or_kept, measured))])


def measure(rung: Rung, seed: int, arguments: argparse.Namespace) -> None:
    """Runs a rung, unless its figures are there."""
    catalog, runs = arguments.catalog, arguments.runs
    path = runs / f"{rung.name}-{seed}.json"
    if path.exists():
        return
    print(f"{rung.name}, seed {seed}: {' '.join(rung.flags)}", flush=True)
    if rung.labels < 1.0:
        catalog = hide_labels(Path(catalog), rung.labels, runs)
    common = [f"--catalog={catalog}", f"--seed={seed}", *rung.flags]
    common.append(f"--cache_dir={arguments.cache_dir}")
    if rung.is_frozen or rung.trained:
        if rung.trained:
            common.append(f"--workdir={runs / f'{rung.trained}-{seed}'}")
        run("evaluate", [*common, f"--output={path}"])
        return
    workdir = runs / f"{rung.name}-{seed}"
    run("train", [*common, f"--workdir={workdir}", "--baselines=false"])
    figures = json.loads((workdir / "metrics.json").read_text())["after"]
    path.write_text(json.dumps(figures, indent=2) + "\n")


def hide_labels(catalog: Path, share: float, folder: Path) -> Path:
    """Writes a copy of the catalogue in which most training products have no style."""
    with catalog.open(newline="") as file:
        rows = list(csv.DictReader(file))
    styles = sorted({row["style_id"] for row in rows if row["split"] == "train"})
    kept = set(random.Random(0).sample(styles, round(share * len(styles))))  # noqa: S311
    for row in rows:
        row["image"] = str((catalog.parent / row["image"]).resolve())
        if row["split"] == "train" and row["style_id"] not in kept:
            row["style_id"] = ""
    path = folder / f"labels-{share:g}.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return path


def run(verb: str, flags: list[str]) -> None:
    """Runs a verb of the package as a command; stops the ladder if it fails."""
    command = [sys.executable, "-m", f"cv_tf.{verb}", *flags]
    finished = subprocess.run(  # noqa: S603
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )
    if finished.returncode:
        sys.exit(f"{' '.join(command)}\nfailed:\n{finished.stderr[-2000:]}")


def read(rung: Rung, runs: Path) -> dict[str, list[float]]:
    """The figures of a rung, one number a seed; empty where it was not run."""
    paths = sorted(runs.glob(f"{rung.name}-[0-9]*.json"))
    runs_of = [json.loads(path.read_text()) for path in paths]
    if not runs_of:
        return {}
    suffix = "_with_color" if rung.section == COLORED else ""
    return {
        name: [run.get(f"{name}{suffix}", run[name]) for run in runs_of]
        for name in (figure.name for figure in COLUMNS)
    }


def or_kept(
    measured: tuple[Rung, dict[str, list[float]]],
) -> tuple[Rung, dict[str, list[float]]] | None:
    """A rung with what ladder.json has of it where it was not measured now."""
    rung, figures = measured
    if figures:
        return measured
    path = RESULTS / "ladder.json"
    rows = json.loads(path.read_text()) if path.is_file() else []
    for row in rows:
        if row["name"] == rung.name:
            now, then = rung.settings, row["settings"]
            other = {name for name in now | then if now.get(name) != then.get(name)}
            is_other = bool(other - {"threshold"})
            title = row["title"].rstrip(" †‡§") if is_other else rung.title
            title += f" †{'‡' * ('threshold' in other)}{'§' * is_other}"
            rung = dataclasses.replace(rung, title=title, settings=then)
            return rung, row["figures"]
    return None


def write(measured: list[tuple[Rung, dict[str, list[float]]]]) -> None:
    """Writes the figures as JSON, Markdown and a picture."""
    RESULTS.mkdir(exist_ok=True)
    rows = [
        {**dataclasses.asdict(rung), "figures": figures} for rung, figures in measured
    ]
    (RESULTS / "ladder.json").write_text(json.dumps(rows, indent=1) + "\n")
    text = table(measured)
    (RESULTS / "ladder.md").write_text(
        "# What each piece is worth\n\n"
        f"`python benchmarks/ladder.py --catalog=CATALOG.csv` on {platform.machine()}, "
        f"Python {platform.python_version()}. Mean over seeds, and their standard "
        "deviation where there are several. †: measured with an earlier version. ‡: "
        "by an earlier version, grouped at the threshold that is best on the labels of "
        "`train`, where others are grouped without labels. §: by an earlier version, "
        "with other settings, which ladder.json has.\n\n"
        f"{text}\n"
    )
    print(text)
    draw(measured, ROOT / "docs" / "ladder.png")


def table(measured: list[tuple[Rung, dict[str, list[float]]]]) -> str:
    """A Markdown table with one row a rung."""
    lines = [
        f"| | {' | '.join(figure.label for figure in COLUMNS)} | seeds |",
        "| --- |" + " ---: |" * (len(COLUMNS) + 1),
    ]
    section = ""
    for rung, figures in measured:
        if rung.section != section:
            section = rung.section
            lines.append(f"| **{section}** |" + " |" * (len(COLUMNS) + 1))
        cells = [spelled(figures[figure.name]) for figure in COLUMNS]
        seeds = len(figures["fms"]) if not rung.is_frozen else "-"
        lines.append(f"| {rung.title} | {' | '.join(cells)} | {seeds} |")
    return "\n".join(lines)


def spelled(values: list[float]) -> str:
    """Mean, and standard deviation where there is one."""
    mean = f"{statistics.fmean(values):.3f}"
    return f"{mean} ± {statistics.stdev(values):.3f}" if len(values) > 1 else mean


def draw(measured: list[tuple[Rung, dict[str, list[float]]]], path: Path) -> None:
    """Draws recall@1 and FMS of each rung as bars, with the spread of the seeds."""
    import matplotlib  # noqa: PLC0415 (the figures are written without it, too)

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    shades = "#8a8f98", "#2a7f62", "#b4622d", "#5a4fa2"
    colors = dict(zip(SECTIONS, shades, strict=True))
    figure, axes = plt.subplots(
        1,
        2,
        figsize=(11, 0.42 * len(measured) + 1.2),
        sharey=True,
        layout="constrained",
    )
    places = range(len(measured))
    for axis, name in zip(axes, ("recall_at_1_in_block", "fms"), strict=True):
        values = [figures[name] for _, figures in measured]
        means = [statistics.fmean(value) for value in values]
        spreads = [statistics.stdev(v) if len(v) > 1 else 0.0 for v in values]
        filled = [colors[rung.section] for rung, _ in measured]
        axis.barh(places, means, xerr=spreads, color=filled, ecolor="black", capsize=2)
        for place, mean in zip(places, means, strict=True):
            axis.text(
                0.01, place, f"{mean:.3f}", va="center", color="white", fontsize=8
            )
        axis.set_title(FIGURES[name].label)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_yticks(places, [rung.title for rung, _ in measured])
    axes[0].set_ylim(len(measured) - 0.4, -0.6)
    handles = [plt.Rectangle((0, 0), 1, 1, color=color) for color in colors.values()]
    figure.legend(handles, colors, loc="outside lower center", ncols=4, frameon=False)
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
