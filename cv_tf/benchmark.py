r"""Measures systems by the protocol of the public benchmark of color variants.

    cv_tf benchmark --embeddings=mine.parquet --output=mine.json
    cv_tf benchmark --workdir=runs/my --name=mine --output=mine.json
    cv_tf benchmark --method=frozen --flagfile=configs/hm_frozen.cfg
    cv_tf benchmark --embeddings=first=a.parquet,second=b.parquet
    cv_tf benchmark --results=mine.json,others.json --output=all.json

A system is a Parquet file with a vector (embedding) of length 1 for each product_id of
both splits, of whatever tool; a trained model (--workdir); or a network as it was
pretrained (--method=frozen). Queries, galleries, thresholds and intervals cannot be
set, so that figures are comparable. Results of earlier runs, and of others, join the
table by --results.

The products are those of hm_personalized_fashion/variants, which cv_tf prepare makes;
any labelled --catalog with the splits train and validation is measured in the same way.
The format of --output is documented in docs/benchmarks/variants.md; the table is also
written beside it, in Markdown.
"""

from __future__ import annotations

import dataclasses
import datetime
import platform
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar

import cv_tf
from cv_tf import choices, command
from cv_tf.atomic import whole_files, write_json
from cv_tf.config import (
    Config,
    ConfigError,
    EvaluationSettings,
    MethodSettings,
    ModelSettings,
    setting,
)
from cv_tf.files import beside, digest_of, expanded, is_remote, is_there
from cv_tf.settings import values_of

if TYPE_CHECKING:
    import numpy as np

    from cv_tf.benchmarking import BenchmarkParts, BenchmarkResults
    from cv_tf.embeddings import Embeddings

_DATASET = "hm_personalized_fashion/variants"
# Of the products and the splits of a run, the benchmark takes none.
_OWN = ("catalog", "columns", "image_base", "dataset")
# What makes splits and blocks: figures are comparable with the defaults alone.
_STANDARD = ("train_split", "eval_split", "block_columns")
_OF_PROTOCOL = tuple(field.name for field in dataclasses.fields(EvaluationSettings))
_LEARNING = ("steps", "seed", "batch_size", "learning_rate")


@dataclasses.dataclass(kw_only=True)
class BenchmarkConfig(Config):
    """What to measure, and the file for the results."""

    main_flags: ClassVar[tuple[str, ...]] = (
        *("embeddings", "workdir", "method", "name", "results", "output"),
        *("dataset", "catalog", "data_dir", "overwrite"),
    )

    dataset: str = setting(
        _DATASET,
        "TFDS data set with the splits train and validation; see cv_tf prepare.",
    )
    embeddings: tuple[str, ...] = setting(
        (),
        "Parquet files of vectors (product_id, embedding) of all products, separated "
        "by commas, each FILE or NAME=FILE.",
        names=True,
    )
    results: tuple[str, ...] = setting(
        (),
        "Files of results (.json) of earlier runs on the same products, separated by "
        "commas: their systems come first in the table.",
        names=True,
    )
    name: str = setting(
        "", "Name of the system of --workdir or --method=frozen; empty for its own."
    )
    output: str = setting(
        "", "JSON file for the results; the table is beside it, in a file in .md."
    )
    overwrite: bool = setting(False, "Replace --output if it is there.")

    def __post_init__(self):
        super().__post_init__()
        if not (self.embeddings or self.results or self.has_model):
            raise ConfigError(
                "There is no system to measure. Pass --embeddings of all products, "
                "--workdir of a finished training, --method=frozen for a network as "
                "it was pretrained, or --results of earlier runs."
            )
        if self.name and not self.has_model:
            raise ConfigError(
                "--name is for the system of --workdir or --method=frozen. Vectors "
                "are named by --embeddings=NAME=FILE."
            )
        changed = command.changed_settings(self)
        fixed = [name for name in _OF_PROTOCOL if name in changed]
        if fixed:
            flags = ", ".join(f"--{name}" for name in fixed)
            raise ConfigError(
                f"{flags}: the protocol says how neighbors are ranked and how groups "
                "are found. Leave it out; cv_tf evaluate measures with other settings."
            )

    @property
    def has_model(self) -> bool:
        """Whether photos are embedded, by a trained model or a pretrained network."""
        return bool(self.workdir) or self.method == "frozen"


def run(config: BenchmarkConfig) -> BenchmarkResults:
    """Measures the systems, prints the table, and writes the results.

    Raises:
      UserError: If the settings, the products, vectors or results cannot be used.
    """
    output = table = None
    if config.output:
        output = command.check_output(config.output, config.overwrite, (".json",))
        table = beside(output, "md")
        command.check_free(table, config.overwrite)
    files = command.find_files(config, ("results",))["results"]
    earlier = [cv_tf.benchmarking.read_results(path) for path in files]
    named = dict(_named_files(config.embeddings))
    # All that may be wrong is told before anything is measured.
    if config.workdir and config.method != "frozen":
        cv_tf.training.Workdir(config.workdir).trained_embedder()
    names = [system["name"] for results in earlier for system in results.systems]
    names += [*named, *([_name_of_model(config)] if config.has_model else [])]
    cv_tf.benchmarking.check_names(names)
    if named or config.has_model:
        earlier.append(_measure(config, named, earlier))
    results = cv_tf.benchmarking.combine(earlier)
    print(f"\n{cv_tf.benchmarking.format_systems(results.systems)}\n\n{_ABOUT}")
    if output and table:
        with whole_files(output, table) as (unfinished, page):
            write_json(unfinished, results.to_json())
            first, second = cv_tf.benchmarking.markdown_tables(results.systems)
            text = f"{_HEAD}{first}\n{second}\n{_ABOUT}\n"
            page.write_text(text, encoding="utf-8")
    return results


_HEAD = "# Results of the benchmark\n\n"
_ABOUT = (
    "±: half the width of the 95% interval over styles. R@1 and mAP@R are of the "
    "vectors alone unless they are 'as searched': with color where it is known, and "
    "after a second look. Groups are of validation."
)


def _named_files(given: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Name and path of each file of vectors; the name is that of the file by default.

    Raises:
      ConfigError: If a file is missing, or two have one name.
    """
    seen = set()
    for text in command.split_names(given, lambda it: _exists(_split(it)[1])):
        name, path = _split(text)
        if not path:
            raise ConfigError(
                "--embeddings has an empty entry. Put one comma between two files, "
                "each FILE or NAME=FILE."
            )
        one = SimpleNamespace(embeddings=path)
        path = command.find_files(one, ("embeddings",), ("embeddings",))["embeddings"]
        name = name or Path(path).stem
        if name in seen:
            raise ConfigError(
                f"Two of --embeddings are called '{name}'. Name them: "
                "--embeddings=NAME=FILE,OTHER=FILE."
            )
        seen.add(name)
        yield name, path


def _split(text: str) -> tuple[str, str]:
    """Name and path of NAME=FILE; of a path, which may have "=" in it, no name."""
    name, equals, path = text.partition("=")
    if not equals or "," in name or is_remote(name) or _exists(text):
        return "", text
    return name.strip(), path


def _exists(path: str) -> bool:
    return bool(path) and is_there(expanded(path))


def _measure(
    config: BenchmarkConfig, named: dict[str, str], earlier: list[BenchmarkResults]
) -> BenchmarkResults:
    """Measures all systems on the products of a catalogue, those of earlier results."""
    catalog = cv_tf.catalog.read_products(config)
    splits = config.train_split, config.eval_split
    parts = cv_tf.benchmarking.parts_of(catalog, *splits)
    changed = command.changed_settings(config).keys() & set(_STANDARD)
    benchmark, found = cv_tf.benchmarking.benchmark_of(parts, not changed)
    if found is not None and changed:
        flags = " and ".join(f"--{name}" for name in sorted(changed))
        print(f"With {flags}, figures are not comparable with those of others.")
    elif found is not None:
        print(found.sentence())
    nothing = cv_tf.benchmarking.BenchmarkResults(benchmark, ())
    cv_tf.benchmarking.combine([*earlier, nothing])
    made = []
    for name, path in named.items():
        vectors = cv_tf.embeddings.read_embeddings(path, extras=False)
        about = {"embeddings": Path(path).name, "sha256": _digest(path)}
        made.append((name, _aligned(vectors, parts), about))
    if config.has_model:
        vectors, about = _model(config, parts)
        made.append((_name_of_model(config), _aligned(vectors, parts), about))
    systems = tuple(_system(*it, parts.is_known) for it in made)
    return cv_tf.benchmarking.BenchmarkResults(benchmark, systems)


def _aligned(vectors: Embeddings, parts: BenchmarkParts) -> Embeddings:
    return cv_tf.benchmarking.align_vectors(vectors, parts.catalog)


def _model(
    config: BenchmarkConfig, parts: BenchmarkParts
) -> tuple[Embeddings, dict[str, Any]]:
    """The vectors and the making of a trained or a pretrained model."""
    settings: Config = config
    path, kind, data = None, "frozen", parts.catalog.name
    if config.method != "frozen":
        workdir = cv_tf.training.Workdir(config.workdir)
        path, settings = workdir.embedder, workdir.read_config()
        kind, data = "trained", Path(settings.catalog).name or settings.dataset
        if settings.train_split != config.train_split:
            print(
                f"The model in '{workdir.path}' has learned from the split "
                f"'{settings.train_split}' of {data}. If it has seen products of "
                f"'{config.eval_split}', say so beside its figures."
            )
    vectors = cv_tf.training.embed_products(config, parts.catalog, path)
    wanted = ["frame", *values_of(settings, ModelSettings)]
    wanted += values_of(settings, MethodSettings)
    wanted += _LEARNING if kind == "trained" else ()
    changed = command.changed_settings(settings)
    about = {k: changed[k] for k in wanted if k in changed and k != "answers"}
    learned = {"data": data, "split": settings.train_split, "labels": _sees(settings)}
    return vectors, {"model": kind, "settings": about, "learned_from": learned}


def _sees(settings: Config) -> bool:
    """Whether a model learns from labels or answers of people."""
    by_labels = (
        settings.method in choices.SUPERVISED and settings.pseudo_labels != "all"
    )
    return by_labels or settings.whiten == "labels" or bool(settings.answers)


def _name_of_model(config: BenchmarkConfig) -> str:
    own = "frozen" if config.method == "frozen" else Path(config.workdir).name
    return config.name or own


def _system(
    name: str, products: Embeddings, about: dict[str, Any], is_known: np.ndarray
) -> dict[str, Any]:
    """What the results say of one system."""
    made_by = about | {
        "dimensions": int(products.vectors.shape[1]),
        "has_color": products.lab is not None,
        "cv_tf": cv_tf.__version__,
        "python": platform.python_version(),
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
    }
    figures = cv_tf.benchmarking.measure_system(products, is_known)
    return {"name": name, "made_by": made_by, **figures}


def _digest(path: str) -> str:
    """The SHA-256 of a file; "" of a folder of parts or a file in a bucket."""
    return digest_of(path) if Path(path).is_file() else ""


def settings_of(argv: Sequence[str]) -> BenchmarkConfig:
    """The settings of a command line; others are those of the run in --workdir."""
    given = command.given_flags(BenchmarkConfig, argv)
    if given.get("workdir") and given.get("method") == "frozen":
        raise ConfigError(
            "--workdir and --method=frozen are two systems. Measure one at a time, and "
            "join their tables by --results."
        )
    inherited = cv_tf.training.inherited_settings(given, Config, must_exist=True)
    for name in (*_OWN, *_STANDARD, *_OF_PROTOCOL, "answers"):
        inherited.pop(name, None)
    return BenchmarkConfig(**inherited | given)


if __name__ == "__main__":
    command.run(run, BenchmarkConfig, parse=settings_of)
