"""Times searches for nearest neighbors beside FAISS's, at the recall they reach.

    python benchmarks/retrieval.py

Searches are for the 10 most similar of a million generated products, on this
machine's CPU, for all queries in one call. The products have the structure of
catalogues: 100 categories, a third as many designs as products around them, and
variants around designs, 3 on average. Each of these steps adds normal noise, its
deviations in the proportion 1 : 0.7 : 0.3; along dimension i of 128 they are i^-0.5
times that, since the spectrum of embeddings decays. All are divided by their length.
The queries are further variants of the same designs.

Approximate searches are tuned to a recall@10 of 0.95: ours tunes itself, on products
of its index; FAISS's get the fewest probes (`nprobe`, `efSearch`) that reach it, on a
thousand queries that are not timed. The recall that is listed is that of those timed.
Every engine is a process of its own; after a warm-up they take turns, so that whatever
else the machine does hits all of them. Prints Markdown and writes it to
benchmarks/results/retrieval.md. FAISS is left out where it cannot be imported
(`pip install faiss-cpu`).
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import importlib.util
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from worker import ask, peak_gigabytes

from cv_tf.retrieval import ExactIndex, Neighbors, ScannIndex, build_index, nearest
from cv_tf.retrieval.tuning import recall_against, smallest

DIM = 128
NUM_CATEGORIES = 100
PRODUCTS_PER_DESIGN = 3
CATEGORY_NOISE, DESIGN_NOISE, VARIANT_NOISE = 1.0, 0.7, 0.3
K = 10
RECALL = 0.95
TUNING_QUERIES = 1000
# Exact searches take longer for each.
NUM_QUERIES, NUM_EXACT_QUERIES = 20_000, 1000
# Of all products, as grouping asks for.
ALL, K_OF_ALL = "neighbors of all", 20
RESULT = Path(__file__).parent / "results" / "retrieval.md"


@dataclass
class Engine:
    """An index that was built, and its search.

    Attributes:
      search: Searches for queries with a number of probes.
      most_probes: Largest number of probes; 1 where there is nothing to tune.
      settings: Settings as text, with `{}` for the number of probes; "" for exact
        search.
    """

    search: Callable[[np.ndarray, int], Neighbors]
    most_probes: int = 1
    settings: str = ""


def main() -> None:
    """Runs every engine, prints the report and writes it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--products", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--engines", nargs="+", choices=BUILD, default=[*BUILD])
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work(arguments.worker[0], Path(arguments.worker[1]))
        return
    names = arguments.engines
    if importlib.util.find_spec("faiss") is None:
        names = [name for name in names if not name.startswith("FAISS")]
    with tempfile.TemporaryDirectory() as folder:
        prepare(arguments.products, Path(folder))
        measured = measure(names, Path(folder), arguments.rounds)
        worker = start(ALL, Path(folder))
        of_all = ask(worker, "search"), ask(worker, "peak")
        worker.communicate()
    lines = [
        preamble(arguments.products, arguments.rounds),
        table(measured),
        f"The {K_OF_ALL} nearest of each of the {arguments.products:,} products, found "
        f"by `nearest` with index and tuning: {of_all[0]:.0f} seconds, {of_all[1]:.1f} "
        "GB at most.",
    ]
    report = "\n\n".join(lines)
    print(report)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(f"{report}\n")


def generate(num_products: int, num_queries: int) -> tuple[np.ndarray, np.ndarray]:
    """Products and queries as the head of this file describes them, float32."""
    rng = np.random.default_rng(0)
    spectrum = np.arange(1, DIM + 1, dtype=np.float32) ** -0.5

    def around(centers: np.ndarray, count: int, deviation: float) -> np.ndarray:
        noise = rng.standard_normal((count, DIM), np.float32)
        noise *= np.float32(deviation) * spectrum
        return noise + centers[rng.integers(0, len(centers), count)]

    num_designs = max(num_products // PRODUCTS_PER_DESIGN, 1)
    origin = np.zeros((1, DIM), np.float32)
    categories = around(origin, NUM_CATEGORIES, CATEGORY_NOISE)
    designs = around(categories, num_designs, DESIGN_NOISE)
    products = around(designs, num_products, VARIANT_NOISE)
    queries = around(designs, num_queries, VARIANT_NOISE)
    products /= np.linalg.norm(products, axis=1, keepdims=True)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    return products, queries


def prepare(num_products: int, folder: Path) -> None:
    """Writes products, queries and the true neighbors of these."""
    products, queries = generate(num_products, TUNING_QUERIES + NUM_QUERIES)
    true = ExactIndex(products).search(queries, K)
    np.save(folder / "products.npy", products)
    np.save(folder / "queries.npy", queries)
    np.save(folder / "similarities.npy", true.similarities)


def measure(names: list[str], folder: Path, rounds: int) -> dict[str, dict]:
    """The description of each engine, with its `seconds` in each round."""
    workers, results = {}, {}
    for name in names:
        workers[name] = start(name, folder)
        # Answered once it is built, so that one builds at a time.
        results[name] = ask(workers[name], "describe") | {"seconds": []}
    for _ in range(rounds):
        for name in names:
            results[name]["seconds"].append(ask(workers[name], "search"))
    for worker in workers.values():
        worker.communicate()
    return results


def start(name: str, folder: Path) -> subprocess.Popen:
    """Starts the process of an engine, or of the neighbors of all products."""
    return subprocess.Popen(  # noqa: S603
        [sys.executable, __file__, "--worker", name, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def work(name: str, folder: Path) -> None:
    """Builds an engine, and answers "describe", "peak", and "search" by its seconds."""
    products = np.load(folder / "products.npy")
    if name == ALL:
        description, search = {}, lambda: nearest(products, K_OF_ALL)
    else:
        began = time.perf_counter()
        engine = BUILD[name](products)
        description = {"build": time.perf_counter() - began}
        del products
        search = prepare_search(engine, folder, description)
    for line in sys.stdin:
        began = time.perf_counter()
        if line.strip() == "describe":
            answer: Any = description
        elif line.strip() == "peak":
            answer = peak_gigabytes()
        else:
            search()
            answer = time.perf_counter() - began
        print(json.dumps(answer), flush=True)


def prepare_search(
    engine: Engine, folder: Path, description: dict[str, Any]
) -> Callable[[], Neighbors]:
    """Tunes an engine, and returns the search to be timed."""
    queries = np.load(folder / "queries.npy")
    similarities = np.load(folder / "similarities.npy")

    def recall(part: slice, probes: int) -> float:
        found = engine.search(queries[part], probes)
        true = Neighbors(found.indices, similarities[part])
        return float(recall_against(found, true).mean())

    tuning = slice(TUNING_QUERIES)
    probes = smallest(lambda n: recall(tuning, n) >= RECALL, 1, engine.most_probes)
    probes = probes or engine.most_probes
    count = NUM_QUERIES if engine.settings else NUM_EXACT_QUERIES
    timed = slice(TUNING_QUERIES, TUNING_QUERIES + count)
    description["recall"] = recall(timed, probes)
    description["settings"] = engine.settings.format(probes)
    description["queries"] = count
    description["gigabytes"] = peak_gigabytes()
    return lambda: engine.search(queries[timed], probes)


def build_exact(products: np.ndarray) -> Engine:
    """Every product is compared."""
    index = build_index(products, "exact")
    return Engine(lambda queries, _: index.search(queries, K))


def build_scann(products: np.ndarray) -> Engine:
    """Tunes itself when it is built."""
    index = build_index(products, "scann", RECALL, K)
    if not isinstance(index, ScannIndex):
        return Engine(lambda queries, _: index.search(queries, K))
    effort = index.effort
    return Engine(
        lambda queries, _: index.search(queries, K),
        settings=f"{effort.leaves} leaves, {effort.reordered} reordered",
    )


def build_faiss_flat(products: np.ndarray) -> Engine:
    """Every product is compared."""
    index, _ = build_faiss("Flat", products)
    return Engine(lambda queries, _: faiss_neighbors(index.search(queries, K)))


def build_faiss_ivf(products: np.ndarray) -> Engine:
    """Partitions, of which the nearest are compared exactly."""
    num_lists = faiss_lists(products)
    index, faiss = build_faiss(f"IVF{num_lists},Flat", products)

    def search(queries: np.ndarray, probes: int) -> Neighbors:
        parameters = faiss.SearchParametersIVF(nprobe=probes)
        return faiss_neighbors(index.search(queries, K, params=parameters))

    return Engine(search, num_lists, f"{num_lists} lists, nprobe {{}}")


def build_faiss_ivf_pq(products: np.ndarray) -> Engine:
    """Partitions of quantized products, the best of which are compared exactly.

    The same kind of search as ScaNN's.
    """
    num_lists = faiss_lists(products)
    index, faiss = build_faiss(f"IVF{num_lists},PQ{DIM // 2}x4fsr,RFlat", products)

    def search(queries: np.ndarray, probes: int) -> Neighbors:
        parameters = faiss.IndexRefineSearchParameters(
            k_factor=25, base_index_params=faiss.SearchParametersIVF(nprobe=probes)
        )
        return faiss_neighbors(index.search(queries, K, params=parameters))

    settings = f"{num_lists} lists, nprobe {{}}, {25 * K} reordered"
    return Engine(search, num_lists, settings)


def build_faiss_hnsw(products: np.ndarray) -> Engine:
    """A graph of neighbors that is walked along."""
    index, faiss = build_faiss("HNSW32", products)

    def search(queries: np.ndarray, probes: int) -> Neighbors:
        parameters = faiss.SearchParametersHNSW(efSearch=probes)
        return faiss_neighbors(index.search(queries, K, params=parameters))

    return Engine(search, 4096, "32 links, efSearch {}")


def build_faiss(kind: str, products: np.ndarray) -> tuple[Any, Any]:
    """Returns FAISS's index of this kind, and the module."""
    import faiss  # noqa: PLC0415

    index = faiss.index_factory(DIM, kind, faiss.METRIC_INNER_PRODUCT)
    index.train(products)
    index.add(products)
    return index, faiss


def faiss_lists(products: np.ndarray) -> int:
    """The number of lists that the guide of FAISS advises: four times the root."""
    return 4 * math.isqrt(len(products))


def faiss_neighbors(found: tuple[np.ndarray, np.ndarray]) -> Neighbors:
    """Neighbors in this package's form."""
    return Neighbors(indices=found[1], similarities=found[0])


BUILD = {
    "cv_tf, exact": build_exact,
    "cv_tf, scann": build_scann,
    "FAISS, flat": build_faiss_flat,
    "FAISS, IVF": build_faiss_ivf,
    "FAISS, IVF and 4-bit PQ": build_faiss_ivf_pq,
    "FAISS, HNSW": build_faiss_hnsw,
}


def preamble(num_products: int, rounds: int) -> str:
    """The report's head: what was run, on what, and when."""
    command = " ".join(["python", "benchmarks/retrieval.py", *sys.argv[1:]])
    cpus = [
        line.split(":")[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    versions = []
    for package in ("numpy", "scann", "faiss-cpu"):
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"no {package}")
    return (
        f"# The {K} nearest of {num_products:,} products\n\n"
        f"`{command}` on {os.cpu_count()} cores of "
        f"{cpus[0] if cpus else platform.machine()}, "
        f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d}, Python "
        f"{platform.python_version()}, {', '.join(versions)}. Generated products of "
        f"{DIM} dimensions; approximate searches are tuned to a recall of {RECALL}. "
        f"Queries a second are the median of {rounds} rounds taken in turns. Building "
        "is timed once, beside whatever else the machine did. Memory is the peak of "
        "the process, with the products that the index is built of."
    )


def table(measured: dict[str, dict]) -> str:
    """Markdown, one row an engine."""
    lines = [
        f"| engine | settings | recall@{K} | queries/s | times cv_tf's exact "
        "| s to build | GB |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    speeds = {
        name: result["queries"] / statistics.median(result["seconds"])
        for name, result in measured.items()
    }
    for name, result in measured.items():
        exact = speeds.get("cv_tf, exact")
        times = f"{speeds[name] / exact:.1f}" if exact else ""
        lines.append(
            f"| {name} | {result['settings']} | {result['recall']:.3f} "
            f"| {speeds[name]:,.0f} | {times} | {result['build']:.0f} "
            f"| {result['gigabytes']:.1f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
