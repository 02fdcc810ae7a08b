"""A shop whose catalogue changes from night to night."""

import csv
import dataclasses
import json
from pathlib import Path
from typing import Any

import tf_keras as keras
from PIL import Image, ImageDraw

from cv_tf import command
from cv_tf.config import Config
from cv_tf.embed import EmbedConfig, run as run_embed
from cv_tf.methods import build_embedder
from cv_tf.update import UpdateConfig, Updated, run as run_update

NUM_PRODUCTS = 12


@dataclasses.dataclass
class NightlyShop:
    """A folder with photos, a catalogue, and the workdir of an Embedder."""

    folder: Path
    rows: list[dict[str, str]]

    @property
    def catalog(self) -> Path:
        return self.folder / "today.csv"

    @property
    def workdir(self) -> Path:
        return self.folder / "run"

    @property
    def state(self) -> Path:
        return self.workdir / "update"

    def draw(self, name: str, size: int, color: str = "navy") -> None:
        """Draws a photo."""
        photo = Image.new("RGB", (40, 40), "white")
        draw = ImageDraw.Draw(photo)
        draw.rectangle([6, 6 - size // 3, 14 + size, 34], fill=color)
        draw.line([6, 20, 14 + size, 8 + size], fill="black", width=2)
        photo.save(self.folder / name)

    def write(self) -> None:
        """Writes the catalogue."""
        write_table(self.catalog, self.rows)

    def flags(self, **settings) -> dict[str, str]:
        paths = {"workdir": str(self.workdir), "catalog": str(self.catalog)}
        return {**paths, "cache_dir": str(self.folder / "cache"), **settings}

    def update(self, **settings) -> Updated:
        """A night."""
        self.write()
        return run_update(UpdateConfig(**self.flags(shard_size=4, **settings)))

    def embed(self, **settings) -> Path:
        """All vectors of the catalogue, as `embed` makes them."""
        self.write()
        output = self.folder / "embed.parquet"
        flags = self.flags(output=str(output), overwrite=True, **settings)
        run_embed(EmbedConfig(**flags))
        return output

    def files(self) -> dict[str, bytes]:
        """What is in the files of the last night."""
        paths = [path for path in self.state.iterdir() if path.is_file()]
        return {path.name: path.read_bytes() for path in paths}

    def summary(self) -> dict[str, Any]:
        """The summary of the groups of the last night."""
        return json.loads((self.state / "groups.summary.json").read_text())

    def table(self, name: str) -> list[dict[str, str]]:
        """A table of the last night."""
        with (self.state / name).open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))


def write_table(path: Path, rows: list[dict[str, str]]) -> None:
    """Writes a CSV table."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def row_of(number: int) -> dict[str, str]:
    """A row of the catalogue."""
    row = {"product_id": f"p{number}", "image": f"{number}.png"}
    row |= {"category": "Shirts" if number % 2 else "Trousers"}
    return row | {"color": "navy"}


def open_shop(folder: Path, is_filled: bool = False) -> NightlyShop:
    """A shop with photos and two Embedders, before its first night."""
    shop = NightlyShop(folder, [row_of(number) for number in range(NUM_PRODUCTS)])
    if not is_filled:
        shop.workdir.mkdir(parents=True)
        for number in range(NUM_PRODUCTS):
            shop.draw(f"{number}.png", number)
    settings = {"backbone": "tiny", "weights": "none", "image_size": 32}
    settings |= {"average": "none", "embedding": "whole"}
    for seed, name in enumerate(
        ("embedder.keras", "other.keras") if not is_filled else ()
    ):
        keras.utils.set_random_seed(seed)
        build_embedder(Config(**settings)).save(shop.workdir / name)
    config = Config(workdir=str(shop.workdir), catalog=str(shop.catalog), **settings)
    (shop.workdir / "config.cfg").write_text(command.to_flagfile(config))
    return shop
