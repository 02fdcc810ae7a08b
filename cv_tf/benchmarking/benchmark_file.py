"""The file of results of the benchmark, whose format is documented and stable.

docs/benchmarks/variants.md describes every field.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cv_tf.benchmarking.protocol import PROTOCOL, BenchmarkParts
from cv_tf.catalog import Catalog
from cv_tf.datasets import Completeness, completeness_of
from cv_tf.errors import UserError, reading
from cv_tf.files import number_in, read_json

FORMAT, FORMAT_VERSION = "cv_tf.benchmark", 1
_REMEDY = "Make it again with python -m cv_tf.benchmark --output=FILE.json."
# What results of one table have in common; those of version 0.2.0 have no digest.
_SAME, _DIGEST = ("protocol", "comparable", "counts", "num_queries"), "products_sha256"
_SUMMARY = ("value", "low", "high")
_MOST_LETTERS = 80  # Of the name of a system.


class BenchmarkError(UserError):
    """Results that are damaged, or of another benchmark."""


@dataclass(frozen=True)
class BenchmarkResults:
    """What a file of results holds.

    Attributes:
      benchmark: The products that were measured: `dataset`, `protocol`, `comparable`,
        `missing`, `counts` and `num_queries`.
      systems: A mapping for each system: `name`, `made_by`, `retrieval` and `groups`.
    """

    benchmark: Mapping[str, Any]
    systems: tuple[Mapping[str, Any], ...]

    def to_json(self) -> dict[str, Any]:
        """What is written."""
        return {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "benchmark": dict(self.benchmark),
            "systems": list(self.systems),
        }


def benchmark_of(
    parts: BenchmarkParts, is_standard: bool = True
) -> tuple[dict[str, Any], Completeness | None]:
    """Describes the products of a benchmark, and how much of the public one they are.

    Args:
      parts: The products of both splits.
      is_standard: Whether splits and blocks are those of the public benchmark: with
        others, figures are not comparable.

    Returns:
      The mapping `benchmark` of the results, and the completeness; None for products of
      which none is an article of the public benchmark.
    """
    catalog = parts.catalog
    completeness = completeness_of(catalog)
    found = None if completeness.others == len(catalog) else completeness
    reported = catalog.select(~parts.is_known)
    benchmark = {
        "dataset": catalog.name,
        "protocol": PROTOCOL,
        "comparable": found is not None and found.is_complete and is_standard,
        "missing": found and {name: len(ids) for name, ids in found.missing.items()},
        "counts": {
            "train": _counts(catalog.select(parts.is_known)),
            "validation": _counts(reported),
        },
        "num_queries": int(_sizes(reported)[1].sum()),
        "products_sha256": _digest_of_products(catalog),
    }
    return benchmark, found


def _digest_of_products(catalog: Catalog) -> str:
    """The SHA-256 of ids, splits and styles, whatever styles are called.

    Of each product in the order of ids: its id, its split, and the first id of its
    style, or nothing without a style, with tabs between and a line feed behind.
    """
    assert catalog.split is not None  # noqa: S101 (a benchmark has splits)
    order = np.argsort(catalog.product_id.astype(str), kind="stable")
    first: dict[int, str] = {}
    digest = hashlib.sha256()
    for row in order.tolist():
        product, style = str(catalog.product_id[row]), int(catalog.style[row])
        named = first.setdefault(style, product) if style >= 0 else ""
        line = f"{product}\t{catalog.split[row]}\t{named}\n"
        digest.update(line.encode("utf-8"))
    return digest.hexdigest()


def _sizes(catalog: Catalog) -> tuple[np.ndarray, np.ndarray]:
    """Products of each style, and of those of two or more."""
    _, sizes = np.unique(catalog.style[catalog.style >= 0], return_counts=True)
    return sizes, sizes[sizes > 1]


def _counts(catalog: Catalog) -> dict[str, int]:
    sizes, groups = _sizes(catalog)
    return {
        "products": len(catalog),
        "styles": len(sizes),
        "styles_of_two_or_more": len(groups),
        "blocks": len(np.unique(catalog.block)),
    }


def read_results(path: str | Path) -> BenchmarkResults:
    """Reads and checks a file of results.

    Raises:
      BenchmarkError: If it is damaged, or of a later format.
      OSError: If it cannot be opened.
    """
    what = "results of the benchmark"
    found = read_json(path, what, _REMEDY, BenchmarkError)
    with reading(path, what, _REMEDY, BenchmarkError):
        if found["format"] != FORMAT:
            raise ValueError(f"its format is {found['format']!r}, not {FORMAT!r}")
        if found["format_version"] > FORMAT_VERSION:
            raise BenchmarkError(
                f"'{path}' is of format {found['format_version']}; this version of "
                f"cv_tf reads {FORMAT_VERSION} and earlier. Install a later one."
            )
        benchmark, systems = found["benchmark"], tuple(found["systems"])
        for name in ("dataset", "missing", *_SAME):
            benchmark[name]
        for system in systems:
            _check_system(system)
    try:
        check_names([system["name"] for system in systems])
    except BenchmarkError as error:
        raise BenchmarkError(f"'{path}' cannot be used: {error}") from error
    return BenchmarkResults(benchmark, systems)


def _check_system(system: Mapping[str, Any]) -> None:
    if not isinstance(system["name"], str) or not isinstance(system["made_by"], dict):
        raise TypeError("a system has no name, or does not tell what made it")
    for part in [*system["retrieval"].values(), *system["groups"].values()]:
        for name, figure in part.items():
            if name == "threshold":
                number_in(part, name, -2, 2)
                continue
            value, low, high = (number_in(figure, of, 0, 1) for of in _SUMMARY)
            if not low <= value <= high:
                raise ValueError(f"{name}: {value} is not within {low} to {high}")


def combine(results: Iterable[BenchmarkResults]) -> BenchmarkResults:
    """The systems of several results in one, in their order.

    Raises:
      BenchmarkError: If they are of other products or another protocol, or if the
        names of systems cannot be used.
    """
    first, *others = results
    systems = list(first.systems)
    for other in others:
        for name in (*_SAME, _DIGEST):
            ours, theirs = (it.benchmark.get(name) for it in (first, other))
            if ours != theirs and (name in _SAME or (ours and theirs)):
                raise BenchmarkError(
                    "Results of different benchmarks cannot be in one table: "
                    f"'{name}' is {ours} of {_names(first)}, and {theirs} of "
                    f"{_names(other)}. Measure all of them on the same products."
                )
        systems += other.systems
    check_names([system["name"] for system in systems])
    return BenchmarkResults(first.benchmark, tuple(systems))


def check_names(names: Sequence[str]) -> None:
    """Checks that systems can be told apart in one table, each by one line of text.

    Raises:
      BenchmarkError: If two have one name, or one is empty, too long, or has a line
        break or another character that cannot be printed.
    """
    remedy = "Name it otherwise: --embeddings=NAME=FILE, or --name for a model."
    for name in names:
        if not name.strip() or len(name) > _MOST_LETTERS or not name.isprintable():
            raise BenchmarkError(
                f"{name[:_MOST_LETTERS]!r} cannot be the name of a system: one line of "
                f"1 to {_MOST_LETTERS} letters was expected. {remedy}"
            )
        if names.count(name) > 1:
            raise BenchmarkError(f"Two systems are called '{name}'. {remedy}")


def _names(results: BenchmarkResults) -> str:
    return ", ".join(system["name"] for system in results.systems) or "these products"
