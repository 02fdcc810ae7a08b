"""Times grouping beside its peers, and weighs its memory and its groups.

    python benchmarks/grouping.py
    python benchmarks/grouping.py --products 10000 --methods cv_tf average
    python benchmarks/grouping.py --data whitened --products 1000000 --blocks 100
    python benchmarks/grouping.py --data whitened --products 200000 --blocks 1
    python benchmarks/grouping.py --data even --products 1000000 --blocks 1

Products are generated, in one block or in 100: designs, and variants around them, as
many a design as hm_dev's (a retail catalogue: half of all products have none). 2% of
the products are strays, as unlike their own group as any other. `--data=decaying` has
the spectrum of real embeddings that are not whitened, in 128 dimensions, and variants
at a cosine of 0.86. `whitened` has that of what `embed` writes, in 1,024: variances
fall by the factor 16 from the first dimension to the last, as those of 1,819 whitened
photos do, and variants have a cosine from 0.13 to 0.67, 0.37 in the middle. `even` has
no structure but variants: designs are drawn evenly on the sphere of 128 dimensions, and
variants have a cosine of 0.94.

Every method gets the same vectors, and the threshold that is best on 5,000 other
labelled products, which our own calibration scales to the size of the catalogue; peers
take the best of 40 thresholds on the products themselves, where they can be asked for
more than one, and so are judged kindly. `exact` is cv_tf with exact search.

Each run is a process of its own, one after the other; time is that of grouping alone,
memory the peak of the process with everything in it. Whitened products are read from
a file, as `cv_tf.group` reads it; beside their seconds there are those of a bare matrix
product, each block with itself by NumPy in single precision, half of the blocks before
and half after the grouping. Writes
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
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
from grouping_data import KINDS, Products, generate, rows_of_blocks, write
from grouping_peers import by_average, by_faiss, by_hdbscan
from worker import peak_gigabytes

RESULTS = Path(__file__).parent / "results" / "grouping.json"
NUM_LABELLED = 5_000
# The largest catalogue that each method takes, on 24 GB and in half an hour.
LIMITS = {
    "cv_tf": 1_000_000,
    "exact": 100_000,
    "average": 20_000,
    "hdbscan": 10_000,
    "faiss": 1_000_000,
}
TITLES = {
    "cv_tf": "cv_tf",
    "exact": "cv_tf, exact search",
    "average": "scikit-learn AgglomerativeClustering, average linkage",
    "hdbscan": "scikit-learn HDBSCAN",
    "faiss": "FAISS neighbor graph, connected components",
}
# What is measured where nothing else is said.
PRODUCTS = [10_000, 20_000, 100_000, 1_000_000]
# Rows of a bare matrix product at a time, and the share of the rows of a single block.
_ROWS, _SHARE = 512, 50


def main() -> None:
    """Runs what is missing and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--products", type=int, nargs="+", default=PRODUCTS)
    parser.add_argument("--blocks", type=int, nargs="+", default=[1, 100])
    parser.add_argument("--methods", nargs="+", choices=TITLES, default=[*TITLES])
    parser.add_argument("--data", nargs="+", choices=KINDS, default=["decaying"])
    parser.add_argument("--again", action="store_true", help="also what is measured")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        print(json.dumps(work(**json.loads(arguments.work))))
        return
    measured = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    for data in arguments.data:
        for num_products in arguments.products:
            for num_blocks in arguments.blocks:
                case = data, num_products, num_blocks
                methods = [m for m in arguments.methods if fits(m, *case)]
                for method in methods:
                    key = f"{method}/{num_products}/{num_blocks}"
                    key += "" if data == "decaying" else f"/{data}"
                    if key not in measured or arguments.again:
                        measured[key] = measure(*case, method)
                        RESULTS.write_text(json.dumps(measured, indent=2) + "\n")
                        print(key, measured[key], flush=True)
    report = table(measured)
    RESULTS.with_suffix(".md").write_text(report)
    print(report)


def fits(method: str, data: str, num_products: int, num_blocks: int) -> bool:
    """Whether a method is tried on a catalogue."""
    if data != "decaying" and method not in ("cv_tf", "exact"):
        return False
    # Blocks of less than 20,000 products are searched exactly anyway.
    is_new = method != "exact" or num_products // num_blocks >= 20_000
    return num_products <= LIMITS[method] and is_new


def measure(
    data: str, num_products: int, num_blocks: int, method: str
) -> dict[str, float | str]:
    """Seconds, gigabytes and F1 of one run, or why there is none."""
    case = {"data": data, "num_products": num_products, "num_blocks": num_blocks}
    with tempfile.TemporaryDirectory() as folder:
        case |= {"method": method, "folder": folder}
        if data == "whitened":  # By a process whose memory does not count.
            run(case | {"method": "write"})
        return run(case)


def run(case: dict[str, str | int]) -> dict[str, float | str]:
    """The result of `work` in a process of its own."""
    command = [sys.executable, __file__, "--work", json.dumps(case)]
    process = subprocess.run(  # noqa: S603
        command, stdout=subprocess.PIPE, text=True, check=False
    )
    if process.returncode:
        return {"failed": f"exit code {process.returncode}"}
    return json.loads(process.stdout.strip().splitlines()[-1])


def work(
    data: str, num_products: int, num_blocks: int, method: str, folder: str
) -> dict[str, float | str]:
    """One run."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    kind, blocks_of_few = KINDS[data], num_blocks * NUM_LABELLED // num_products
    if method == "write":
        write(kind, num_products, num_blocks, Path(folder))
        return {}
    figures: dict[str, float | str] = {}
    labelled = generate(kind, NUM_LABELLED, max(blocks_of_few, 1), 1)
    if data == "whitened":
        products, figures["read"] = read(Path(folder))
        figures["bare"] = bare_product(products, 0)
    else:
        products = generate(kind, num_products, num_blocks, seed=0)
    try:
        seconds, candidates = GROUP[method](products, labelled)
    except ImportError as error:
        return {"failed": f"not installed: {error}"}
    figures["gigabytes"] = round(peak_gigabytes(), 2)
    if data == "whitened":
        figures["bare"] = round(figures["bare"] + bare_product(products, 1), 1)
    f1 = max(pairwise_f1(groups, products.designs) for groups in candidates)
    return {"seconds": round(seconds, 1), "f1": round(f1, 4)} | figures


def read(folder: Path) -> tuple[Products, float]:
    """The products of a file, as `cv_tf.group` reads them, and the seconds it takes."""
    from cv_tf.embeddings import read_embeddings  # noqa: PLC0415

    start = time.perf_counter()
    there = read_embeddings(folder / "my.parquet")
    seconds = round(time.perf_counter() - start, 1)
    return Products(
        there.vectors, np.load(folder / "designs.npy"), there.block
    ), seconds


def bare_product(products: Products, turn: int) -> float:
    """The seconds of the similarities of all pairs of every other block.

    Of a single block, some rows are multiplied in each turn, for half of them.
    """
    seconds, blocks = 0.0, rows_of_blocks(products.blocks)
    for rows in blocks[turn::2] or blocks:
        vectors = products.vectors[rows].astype(np.float32)
        asked = len(rows) if len(blocks) > 1 else len(rows) // _SHARE
        vectors[:_ROWS] @ vectors.T  # The first product takes longer.
        start = time.perf_counter()
        for row in range(0, asked, _ROWS):
            vectors[row : row + _ROWS] @ vectors.T
        spent = time.perf_counter() - start
        seconds += spent if len(blocks) > 1 else spent * _SHARE / 2
    return seconds


def pairwise_f1(groups: np.ndarray, designs: np.ndarray) -> float:
    """F1 of the pairs in one group."""
    cells = groups.astype(np.int64) * (designs.max() + 1) + designs

    def num_pairs(names: np.ndarray) -> int:
        sizes = np.unique(names, return_counts=True)[1].astype(np.int64)
        return int((sizes * (sizes - 1) // 2).sum())

    right = num_pairs(cells)
    return 2 * right / max(num_pairs(groups) + num_pairs(designs), 1)


def by_cv_tf(
    products: Products, labelled: Products, retrieval: str = "auto"
) -> tuple[float, list[np.ndarray]]:
    """Ours, as `python -m cv_tf.group --calibrate` does it."""
    from cv_tf.config import GroupingSettings  # noqa: PLC0415
    from cv_tf.embeddings import Embeddings  # noqa: PLC0415
    from cv_tf.grouping import calibrate_on, group  # noqa: PLC0415

    known, all_products = (
        Embeddings.of_arrays(vectors, blocks, style=designs)
        for vectors, designs, blocks in (labelled, products)
    )
    start = time.perf_counter()
    calibration = calibrate_on(known, for_blocks=all_products.block)
    settings, model = GroupingSettings(retrieval=retrieval), calibration.model
    groups = group(all_products, calibration.threshold, settings, model=model)
    return time.perf_counter() - start, [groups]


def by_exact(products: Products, labelled: Products) -> tuple[float, list[np.ndarray]]:
    """Ours, with exact search."""
    return by_cv_tf(products, labelled, "exact")


GROUP = {
    "cv_tf": by_cv_tf,
    "exact": by_exact,
    "average": by_average,
    "hdbscan": by_hdbscan,
    "faiss": by_faiss,
}


def table(measured: dict[str, dict[str, float | str]]) -> str:
    """The results as Markdown."""
    versions = ", ".join(
        f"{name} {version(name)}" for name in ("numpy", "scikit-learn", "scann")
    )
    lines = [
        "# Grouping beside its peers",
        "",
        "`python benchmarks/grouping.py`. "
        + "\n\n".join(" ".join(of.split()) for of in __doc__.split("\n\n")[2:4]),
        "",
        f"{os.cpu_count()} cores, {platform.machine()}, Python "
        f"{platform.python_version()}, {versions}; "
        f"{datetime.datetime.now(tz=datetime.timezone.utc):%Y-%m-%d}.",
        "",
        "| dimensions | products | blocks | | seconds | bare product | peak memory, GB "
        "| pairwise F1 |",
        "| --- | ---: | ---: | --- | ---: | ---: | ---: | ---: |",
    ]
    for key, result in sorted(measured.items(), key=_order):
        method, num_products, num_blocks, data = f"{key}/decaying".split("/")[:4]
        figures = [result.get("failed", "")] * 4
        if "failed" not in result:
            bare = f"{result['bare']:,}" if "bare" in result else ""
            figures = [f"{result['seconds']:,}", bare, str(result["gigabytes"])]
            figures.append(f"{result['f1']:.3f}")
        where = [KINDS[data].title, f"{int(num_products):,}", num_blocks]
        lines.append(f"| {' | '.join([*where, TITLES[method], *figures])} |")
    return "\n".join(lines) + "\n"


def _order(item: tuple[str, object]) -> tuple[int, int, int, int]:
    method, num_products, num_blocks, data = f"{item[0]}/decaying".split("/")[:4]
    place = [*KINDS].index(data), int(num_products), int(num_blocks)
    return *place, [*TITLES].index(method)


if __name__ == "__main__":
    main()
