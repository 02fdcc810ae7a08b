"""The side of embedding.py that embeds photos with cv_tf, of this version or another.

Reads what it works on, a line of JSON, then names of tasks; answers with seconds.
What an earlier version is asked for uses nothing that this one has and that one lacks.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from embedding_answers import Ask, photos_of, serve
from PIL import Image

BATCH = 64
SHARD = 256


def start(about: dict[str, Any]) -> tuple[dict[str, Any], Ask]:
    """Copies the photos, and loads the Embedder."""
    folder = Path(about["folder"])
    paths = copy_photos(photos_of(about), folder)
    tasks = Tasks(about["embedder"], folder, about["cores"])
    return describe_photos(paths), lambda name: getattr(tasks, name)()


def copy_photos(chosen: list[Path], folder: Path) -> list[Path]:
    """Copies photos, writes a table of them, and returns their paths."""
    photos = folder / "photos"
    photos.mkdir(parents=True)
    # Copies, so that no photo is known by its path or looked at once for two products.
    copies = [photos / f"{row}{path.suffix}" for row, path in enumerate(chosen)]
    for path, copied in zip(chosen, copies, strict=True):
        shutil.copyfile(path, copied)
    lines = [f"{row},{path},all" for row, path in enumerate(copies)]
    table = "\n".join(["product_id,image,category", *lines, ""])
    (folder / "catalog.csv").write_text(table)
    return copies


def describe_photos(paths: list[Path]) -> dict[str, Any]:
    """What the report says of the photos."""
    sizes = np.median([Image.open(path).size for path in paths], axis=0).astype(int)
    weight = float(np.median([path.stat().st_size for path in paths]))
    about = dict(zip(("width", "height"), sizes.tolist(), strict=True))
    return {"photos": len(paths), "bytes": weight, **about}


class Tasks:
    """What can be measured; each method returns its seconds."""

    def __init__(self, embedder: str, folder: Path, cores: int):
        from cv_tf.embeddings import EmbeddingJob  # noqa: PLC0415
        from cv_tf.models import Embedder  # noqa: PLC0415

        self._folder, self._cores = folder, cores
        self._embedder = Embedder.load(embedder)
        self._job = EmbeddingJob(
            embedder=embedder,
            output=str(folder / "embeddings.parquet"),
            products=(
                ("catalog", str(folder / "catalog.csv")),
                ("cache_dir", str(folder / "cache")),
            ),
            shard_size=SHARD,
            batch_size=BATCH,
        )
        self._made: dict[str, Any] = {}

    def _once(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]

    def _squares(self) -> np.ndarray:
        """The decoded photos, [n, S, S, 3] uint8."""

        def make() -> np.ndarray:
            return self._photos("known").in_memory(progress=False).pixels

        return self._once("squares", make)

    def _photos(self, cache: str) -> Any:
        from cv_tf.catalog import read_catalog  # noqa: PLC0415
        from cv_tf.pipeline import scan_photos  # noqa: PLC0415

        catalog = read_catalog(self._folder / "catalog.csv")
        size = self._embedder.image_size
        return scan_photos(catalog, size, cache_dir=self._folder / cache)

    def network(self) -> float:
        """The network alone, by interpreters of one thread each."""
        from cv_tf.models.inference import _OnePhoto  # noqa: PLC0415

        describe = self._once("describe", lambda: _OnePhoto(self._embedder))
        squares = self._squares()
        with ThreadPoolExecutor(self._cores) as pool:
            list(pool.map(describe, squares[: 2 * self._cores]))  # Interpreters.
            start = time.perf_counter()
            list(pool.map(describe, squares))
            return time.perf_counter() - start

    def graph(self) -> float:
        """The same by TensorFlow."""
        from cv_tf.models import compiled  # noqa: PLC0415

        size = self._embedder.image_size
        graph = self._once("graph", lambda: compiled(self._embedder, size))
        squares = self._squares()
        start = time.perf_counter()
        for first in range(0, len(squares), BATCH):
            graph(squares[first : first + BATCH]).numpy()
        return time.perf_counter() - start

    def scan(self) -> float:
        """Examines photos that were never seen."""
        shutil.rmtree(self._folder / "new", ignore_errors=True)
        start = time.perf_counter()
        self._photos("new")
        return time.perf_counter() - start

    def squares(self) -> float:
        """Decodes examined photos."""
        from cv_tf.pipeline import in_order  # noqa: PLC0415

        photos = self._photos("known")
        start = time.perf_counter()
        for batch in in_order(photos, batch_size=BATCH):
            batch["image"].numpy()
        return time.perf_counter() - start

    def vectors(self) -> float:
        """Vectors and colors of decoded photos."""
        from cv_tf.models import Inference  # noqa: PLC0415

        def make() -> Inference:
            return Inference(self._embedder, with_color=True)

        model, squares = self._once("inference", make), self._squares()
        starts = range(0, len(squares), BATCH)
        start = time.perf_counter()
        list(model.over(squares[first : first + BATCH] for first in starts))
        return time.perf_counter() - start

    def first(self) -> float:
        """Embeds a catalogue that was never seen."""
        shutil.rmtree(self._folder / "cache", ignore_errors=True)
        return self.again()

    def again(self) -> float:
        """Embeds a catalogue whose photos were examined before."""
        from cv_tf.catalog import read_catalog  # noqa: PLC0415
        from cv_tf.embeddings import embed_catalog  # noqa: PLC0415

        Path(self._job.output).unlink(missing_ok=True)
        catalog = read_catalog(self._folder / "catalog.csv")
        start = time.perf_counter()
        embed_catalog(self._job, catalog)
        return time.perf_counter() - start


if __name__ == "__main__":
    serve(start)
