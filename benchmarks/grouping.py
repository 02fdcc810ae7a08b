"""Times grouping beside its peers, and weighs its memory and its groups.

    python benchmarks/grouping.py
    python benchmarks/grouping.py --products 10000 --methods cv_tf average

Products are generated: designs with the spectrum of real embeddings in 128 dimensions,
in one block or in 100, and variants around them, as many a design as hm_dev's (a retail
catalogue: half of all products have none). 2% of the products are strays, as unlike
their own group as any other. Every method gets the same vectors, and the threshold that
is best on 5,000 other labelled products, which our own calibration scales to the size
of the catalogue; peers take the best of 40 thresholds on the products themselves, where
they can be asked for more than one, and so are judged kindly.

Each run is a process of its own, one after the other; time is that of grouping alone,
memory the peak of the process with everything in it. Writes
benchmarks/results/grouping.json, which a benchmark that was stopped goes on from, and
a table to grouping.md beside it. Peers that are not installed are left out:
`pip install faiss-cpu`.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np

RESULTS = Path(__file__).parent / "results" / "grouping.json"
DIMENSIONS = 128
# How many of hm_dev's designs have 1, 2, 3, ... colors.
SIZES = (2691, 777, 250, 111, 33, 17, 8, 6, 3, 2, 1, 1)
STRAYS = 0.02
NUM_LABELLED = 5_000
# Length of the difference of a variant from its design, divided by that of the design.
SPREAD = 0.4
# The largest catalogue that each method takes, on 24 GB and in half an hour.
LIMITS = {"cv_tf": 1_000_000, "average": 20_000, "hdbscan": 10_000, "faiss": 1_000_000}
TITLES = {
    "cv_tf": "cv_tf",
    "average": "scikit-learn AgglomerativeClustering, average linkage",
    "hdbscan": "scikit-learn HDBSCAN",
    "faiss": "FAISS neighbor graph, connected components",
}


def main() -> None:
    """Runs what is missing and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--products", type=int, nargs="+", default=[10_000, 20_000, 100_000, 1_000_000]
    )
    parser.add_argument("--blocks", type=int, nargs="+", default=[1, 100])
    parser.add_argument("--methods", nargs="+", choices=TITLES, default=[*TITLES])
    parser.add_argument("--again", action="store_true", help="also what is measured")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        print(
            json.dumps(work(*arguments.products, *arguments.blocks, *arguments.methods))
        )
        return
    measured = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    for num_products in arguments.products:
        for num_blocks in arguments.blocks:
            for method in arguments.methods:
                key = f"{method}/{num_products}/{num_blocks}"
                if num_products > LIMITS[method]:
                    continue
                if key not in measured or arguments.again:
                    measured[key] = measure(num_products, num_blocks, method)
                    RESULTS.write_text(json.dumps(measured, indent=2) + "\n")
                    print(key, measured[key], flush=True)
    report = table(measured)
    RESULTS.with_suffix(".md").write_text(report)
    print(report)


def measure(num_products: int, num_blocks: int, method: str) -> dict[str, float | str]:
    """Seconds, gigabytes and F1 of one run, or why there is none."""
    command = [sys.executable, __file__, "--worker"]
    command += ["--products", str(num_products), "--blocks", str(num_blocks)]
    process = subprocess.run(  # noqa: S603
        [*command, "--methods", method], stdout=subprocess.PIPE, text=True, check=False
    )
    if process.returncode:
        return {"failed": f"exit code {process.returncode}"}
    return json.loads(process.stdout.strip().splitlines()[-1])


def work(num_products: int, num_blocks: int, method: str) -> dict[str, float | str]:
    """One run."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    products = generate(num_products, num_blocks, seed=0)
    labelled = generate(
        NUM_LABELLED, max(num_blocks * NUM_LABELLED // num_products, 1), 1
    )
    group = {"cv_tf": by_cv_tf, "average": by_average, "hdbscan": by_hdbscan}
    group["faiss"] = by_faiss
    try:
        seconds, candidates = group[method](products, labelled)
    except ImportError as error:
        return {"failed": f"not installed: {error}"}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    f1 = max(pairwise_f1(groups, products[1]) for groups in candidates)
    return {
        "seconds": round(seconds, 1),
        "gigabytes": round(peak, 2),
        "f1": round(f1, 4),
    }


Products = tuple[np.ndarray, np.ndarray, np.ndarray]


def generate(num_products: int, num_blocks: int, seed: int) -> Products:
    """Vectors `[n, 128]` of length 1, their designs `[n]` and their blocks `[n]`."""
    random = np.random.default_rng(seed)
    share = np.array(SIZES) / sum(SIZES)
    sizes = random.choice(np.arange(1, len(SIZES) + 1), num_products, p=share)
    design = np.repeat(np.arange(num_products), sizes)[:num_products]
    block_of_design = random.integers(num_blocks, size=num_products)
    spectrum = np.arange(1, DIMENSIONS + 1, dtype=np.float32) ** -0.5
    vectors = np.empty((num_products, DIMENSIONS), np.float32)
    # Designs are drawn as they are needed: those of a million would fill memory twice.
    starts = np.flatnonzero(np.diff(design, prepend=-1))
    for begin in range(0, len(starts), 50_000):
        end = starts[begin + 50_000] if begin + 50_000 < len(starts) else num_products
        own = slice(starts[begin], end)
        number = design[own] - design[starts[begin]]
        shape = (number[-1] + 1, DIMENSIONS)
        designs = random.standard_normal(shape, np.float32) * spectrum
        noise = random.standard_normal((len(number), DIMENSIONS), np.float32) * spectrum
        vectors[own] = designs[number] + SPREAD * noise
    strays = random.random(num_products) < STRAYS
    drawn = random.standard_normal((int(strays.sum()), DIMENSIONS), np.float32)
    vectors[strays] = drawn * spectrum
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    order = random.permutation(num_products)
    return vectors[order], design[order], block_of_design[design[order]]


def pairwise_f1(groups: np.ndarray, designs: np.ndarray) -> float:
    """F1 of the pairs in one group."""
    cells = groups.astype(np.int64) * (designs.max() + 1) + designs

    def num_pairs(names: np.ndarray) -> int:
        sizes = np.unique(names, return_counts=True)[1].astype(np.int64)
        return int((sizes * (sizes - 1) // 2).sum())

    right = num_pairs(cells)
    return 2 * right / max(num_pairs(groups) + num_pairs(designs), 1)


def by_cv_tf(products: Products, labelled: Products) -> tuple[float, list[np.ndarray]]:
    """Ours, as `python -m cv_tf.group --calibrate` does it."""
    from cv_tf.embeddings import Embeddings  # noqa: PLC0415
    from cv_tf.grouping import calibrate_on, group  # noqa: PLC0415

    known, all_products = (
        Embeddings.of_arrays(vectors, blocks, style=designs)
        for vectors, designs, blocks in (labelled, products)
    )
    start = time.perf_counter()
    calibration = calibrate_on(known, for_blocks=all_products.block)
    groups = group(all_products, calibration.threshold, model=calibration.model)
    return time.perf_counter() - start, [groups]


def by_average(products: Products, _: Products) -> tuple[float, list[np.ndarray]]:
    """scikit-learn's average linkage; the time is that of one threshold."""
    from sklearn.cluster import AgglomerativeClustering  # noqa: PLC0415

    def one(vectors: np.ndarray, threshold: float) -> np.ndarray:
        if len(vectors) < 2:
            return np.zeros(len(vectors), int)
        clustering = AgglomerativeClustering(
            None, metric="cosine", linkage="average", distance_threshold=1 - threshold
        )
        return clustering.fit_predict(vectors)

    return _in_blocks(products, one, np.linspace(0.5, 0.8, 7))


def by_hdbscan(products: Products, _: Products) -> tuple[float, list[np.ndarray]]:
    """scikit-learn's HDBSCAN; what it calls noise has no variants."""
    from sklearn.cluster import HDBSCAN  # noqa: PLC0415

    def one(vectors: np.ndarray, selection: str) -> np.ndarray:
        if len(vectors) < 3:
            return np.arange(len(vectors))
        clustering = HDBSCAN(
            2, n_jobs=-1, cluster_selection_method=selection, copy=True
        )
        found = clustering.fit_predict(vectors)
        alone = found < 0
        found[alone] = found.max() + 1 + np.arange(alone.sum())
        return found

    return _in_blocks(products, one, ("eom", "leaf"))


def by_faiss(products: Products, _: Products) -> tuple[float, list[np.ndarray]]:
    """Twenty neighbors by FAISS, and the components of the edges above a threshold."""
    import faiss  # noqa: PLC0415
    from scipy.sparse import coo_array, csgraph  # noqa: PLC0415

    def neighbors(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        count, k = len(vectors), min(21, len(vectors))
        index = faiss.IndexFlatIP(DIMENSIONS)
        if count >= 100_000:
            cells = int(np.sqrt(count))
            index = faiss.IndexIVFFlat(
                index, DIMENSIONS, cells, faiss.METRIC_INNER_PRODUCT
            )
            index.train(vectors[: 64 * cells])
            index.nprobe = max(cells // 16, 1)
        index.add(vectors)
        return index.search(vectors, k)

    start = time.perf_counter()
    vectors, _, blocks = products
    edges = []
    for rows in _blocks(blocks):
        similarities, found = neighbors(vectors[rows])
        first = np.repeat(rows, found.shape[1])
        kept = (found.ravel() >= 0) & (similarities.ravel() >= 0.5)
        second = rows[found.ravel()[kept]]
        edges.append((first[kept], second, similarities.ravel()[kept]))
    first, second, similarity = map(np.concatenate, zip(*edges, strict=True))
    seconds, candidates = time.perf_counter() - start, []
    for threshold in np.linspace(0.5, 0.9, 41):
        kept = similarity >= threshold
        shape = (len(vectors), len(vectors))
        ones = np.ones(int(kept.sum()), np.int8)
        begin = time.perf_counter()
        graph = coo_array((ones, (first[kept], second[kept])), shape=shape)
        candidates.append(csgraph.connected_components(graph, directed=False)[1])
        last = time.perf_counter() - begin
    return seconds + last, candidates


def _in_blocks(
    products: Products, one: Callable[..., np.ndarray], values
) -> tuple[float, list[np.ndarray]]:
    """Groups each block on its own, for each value; the mean time of a value."""
    vectors, _, blocks = products
    start, candidates = time.perf_counter(), []
    for value in values:
        groups, used = np.empty(len(vectors), np.int64), 0
        for rows in _blocks(blocks):
            groups[rows] = one(vectors[rows], value) + used
            used = groups[rows].max() + 1
        candidates.append(groups)
    return (time.perf_counter() - start) / len(values), candidates


def _blocks(blocks: np.ndarray) -> list[np.ndarray]:
    order = np.argsort(blocks, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(blocks[order])) + 1)


def table(measured: dict[str, dict[str, float | str]]) -> str:
    """The results as Markdown."""
    versions = ", ".join(
        f"{name} {version(name)}" for name in ("numpy", "scikit-learn", "scann")
    )
    lines = [
        "# Grouping beside its peers",
        "",
        "`python benchmarks/grouping.py`. "
        + " ".join(__doc__.split("\n\n")[2].split()),
        "",
        f"{os.cpu_count()} cores, {platform.machine()}, Python "
        f"{platform.python_version()}, {versions}; "
        f"{datetime.datetime.now(tz=datetime.timezone.utc):%Y-%m-%d}.",
        "",
        "| products | blocks | | seconds | peak memory, GB | pairwise F1 |",
        "| ---: | ---: | --- | ---: | ---: | ---: |",
    ]
    for key, result in sorted(measured.items(), key=_order):
        method, num_products, num_blocks = key.split("/")
        figures = [result.get("failed", "")] * 3
        if "failed" not in result:
            figures = [f"{result['seconds']:,}", str(result["gigabytes"])]
            figures.append(f"{result['f1']:.3f}")
        cells = [f"{int(num_products):,}", num_blocks, TITLES[method], *figures]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _order(item: tuple[str, object]) -> tuple[int, int, int]:
    method, num_products, num_blocks = item[0].split("/")
    return int(num_products), int(num_blocks), [*TITLES].index(method)


if __name__ == "__main__":
    main()
