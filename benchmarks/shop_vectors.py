"""Vectors of whole catalogues by several networks and whitenings, for shops.py."""

from __future__ import annotations

import csv
import functools
import hashlib
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from labelled import Products, describe_products, whitened, whitening_of

from cv_tf.atomic import whole_file
from cv_tf.catalog import Catalog, read_products
from cv_tf.config import Config
from cv_tf.embeddings import Embeddings, fingerprint
from cv_tf.methods import build_embedder
from cv_tf.models import Embedder, Whitening

ROOT = Path(__file__).parents[1]
DRAWN = "synthetic_color_variants"
# A run's recipe, and the pixels a side of the photos that it embeds.
RECIPES = {DRAWN: ("drawn_contrast.cfg", 96)}
OTHERS = ("hm_cvssl.cfg", 224)


class Shop(NamedTuple):
    """A catalogue, by its name, and another shop's, by which it can be whitened."""

    name: str
    other: str

    @property
    def recipe(self) -> str:
        """The recipe of contrast on the shop's own photos."""
        return RECIPES.get(self.name, OTHERS)[0]

    @property
    def size(self) -> int:
        """Pixels a side of photos to embed, if no other shop's run says otherwise."""
        return RECIPES.get(self.name, OTHERS)[1]


class Way(NamedTuple):
    """How vectors are made.

    Attributes:
      title: What the results call it.
      network: "untrained", or the shop whose run it is: "own" or "other".
      whitened_on: Shop whose photos whitening is fitted to, "own" or "other".
    """

    title: str
    network: str
    whitened_on: str


class Vectors:
    """Makes vectors of shops, and keeps descriptors on disk.

    Descriptors are kept under the name of the shop, the size of its photos and the
    digest of the network's file. Remove the folder where photos are read otherwise than
    before; a catalogue of other products is embedded again.

    Args:
      data: Folder with a folder a shop, with its `catalog.csv`.
      runs: Folder with a workdir a shop.
      cache_dir: Folder of descriptors, frames and converted photos.
      train: Whether missing runs are trained.
    """

    def __init__(self, data: Path, runs: Path, cache_dir: Path, train: bool = False):
        self._data, self._runs, self._cache, self._train = data, runs, cache_dir, train
        self._whitenings: dict[tuple[str, str, int], Whitening] = {}
        # Those of one shop are used one after another.
        self.products = functools.lru_cache(maxsize=3)(self._products)

    def has(self, shop: str) -> bool:
        """Whether the shop's catalogue is there."""
        return shop == DRAWN or self.table(shop).is_file()

    def table(self, shop: str) -> Path:
        """The shop's table of products."""
        return self._data / shop / "catalog.csv"

    def catalog(self, shop: str) -> Catalog:
        """The shop's products."""
        return read_products(self._config(shop, OTHERS[1]))

    def embeddings(self, shop: Shop, way: Way) -> Embeddings | None:
        """A shop's products in one way; None if a run or the other shop is missing."""
        names = {"own": shop.name, "other": shop.other, "untrained": "untrained"}
        network, fitted_to = names[way.network], names[way.whitened_on]
        size = OTHERS[1] if way.network == "other" else shop.size
        if not self.has(fitted_to) or not self._has_network(network):
            return None
        key = network, fitted_to, size
        if key not in self._whitenings:
            self._whitenings[key] = whitening_of(self.products(*key))
        products = self.products(network, shop.name, size)
        return whitened(products.described, self._whitenings[key])

    def _products(self, network: str, shop: str, size: int) -> Products:
        """A shop's products with the descriptors of a network."""
        config = self._config(shop, size)
        embedder = self._embedder(network, size)
        digest = "untrained"
        if network != "untrained":
            digest = fingerprint(self._file(network))[:12]
        path = self._cache / f"{shop}-{size}-{digest}.npz"
        catalog = read_products(config)
        ids = hashlib.sha256("\n".join(catalog.product_id).encode()).hexdigest()
        if path.is_file():
            with np.load(path, allow_pickle=False) as kept:
                if str(kept["ids"]) == ids:
                    described = Embeddings.of_catalog(
                        catalog, kept["descriptors"], kept["lab"]
                    )
                    return Products(catalog, described, embedder)
        print(f"{shop}: embedding by {network}, {size} pixels", flush=True)
        products = describe_products(catalog, config, embedder)
        described = products.described
        with whole_file(path) as unfinished, unfinished.open("wb") as file:
            np.savez(file, ids=ids, descriptors=described.vectors, lab=described.lab)
        return products

    def _config(self, shop: str, size: int) -> Config:
        source = {"dataset": DRAWN}
        if shop != DRAWN:
            source = {"catalog": str(self.table(shop))}
        return Config(**source, image_size=size, cache_dir=str(self._cache))

    def _embedder(self, network: str, size: int) -> Embedder:
        if network == "untrained":
            return build_embedder(Config(image_size=size))
        return Embedder.load(self._file(network))

    def _file(self, shop: str) -> Path:
        return self._runs / shop / "embedder.keras"

    def _has_network(self, network: str) -> bool:
        """Whether a network is there; trains it, if that is wanted."""
        if network == "untrained" or self._file(network).is_file():
            return True
        if not self._train or not self.has(network):
            return False
        print(f"{network}: training", flush=True)
        workdir = self._runs / network
        workdir.mkdir(parents=True, exist_ok=True)
        recipe, size = RECIPES.get(network, OTHERS)
        flags = [f"--flagfile={ROOT / 'configs' / recipe}", f"--workdir={workdir}"]
        flags += [f"--embed_size={size}"]
        flags += ["--baselines=false", "--probe_every=0"]
        if network != DRAWN:
            table = self._runs / f"{network}.csv"
            write_without_labels(self.table(network), table)
            flags.append(f"--catalog={table}")
        command = [sys.executable, "-m", "cv_tf.train", *flags]
        subprocess.run(command, check=True)  # noqa: S603
        return True


def write_without_labels(table: Path, copy: Path) -> None:
    """Copies the ids, photos and categories of a table, and no labels or splits."""
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with copy.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["product_id", "image", "category"])
        for row in rows:
            photo = (table.parent / row["image"]).resolve()
            writer.writerow([row["product_id"], photo, row["category"]])
