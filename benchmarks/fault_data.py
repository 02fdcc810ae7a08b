"""Little data that faults are tried on: drawn photos, and vectors of products."""

from __future__ import annotations

import os
import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageDraw

_COLORS = ("black", "navy", "crimson")
_PRODUCTS = 60  # With vectors.


def draw_products(folder: Path, seed: int) -> None:
    """A catalogue of 30 photos, and one that is none."""
    rng = random.Random(seed)  # noqa: S311
    (folder / "photos").mkdir()
    rows = ["product_id,image,style_id,category,color,split"]
    for style in range(12):
        for color in _COLORS[: 2 + style % 2]:
            name = f"{style}-{color}"
            image = Image.new("RGB", (48, 48), "white")
            draw = ImageDraw.Draw(image)
            left, top = rng.randint(6, 14), rng.randint(6, 14)
            draw.rectangle((left, top, left + 22, top + 24), fill=color)
            draw.ellipse((16, 12 + style, 34, 18 + style), fill="white")
            kind = ("jpg", "png")[style % 4 == 3]
            image.save(folder / "photos" / f"{name}.{kind}")
            split = "train" if style < 8 else "validation"
            category = "Shirts" if style % 2 else "Trousers"
            rows.append(
                f"{name},photos/{name}.{kind},s{style},{category},{color},{split}"
            )
    bad = f"bad-{seed}"
    (folder / "photos" / f"{bad}.jpg").write_text("This is no photo.")
    rows.append(f"{bad},photos/{bad}.jpg,s11,Shirts,navy,validation")
    (folder / "catalog.csv").write_text("\n".join(rows) + "\n")


def draw_vectors(
    seed: int, number: int = _PRODUCTS, dimensions: int = 16
) -> np.ndarray:
    """Vectors of length 1 in styles of three, [number, dimensions] float32."""
    rng = np.random.default_rng(seed)
    centers = rng.standard_normal((number // 3, dimensions))
    vectors = np.repeat(centers, 3, axis=0)
    vectors += 0.45 * rng.standard_normal(vectors.shape)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32)


def write_vectors(folder: Path, seed: int, name: str = "vectors.parquet") -> None:
    """A file of vectors, and a table of their styles; some photos are of products."""
    photos = sorted(str(path) for path in (folder / "photos").glob("*.jpg"))
    photos = [os.path.relpath(path, folder) for path in photos if "bad" not in path]
    ids = [f"p{number:02d}" for number in range(_PRODUCTS)]
    vectors = draw_vectors(seed)
    table = {
        "product_id": ids,
        "block": ["Shirts", "Trousers"] * (_PRODUCTS // 2),
        "image": [photos[i % len(photos)] if i < 12 else "" for i in range(_PRODUCTS)],
        "embedding": list(vectors),
    }
    table["block"] = sorted(table["block"])
    pq.write_table(pa.table(table), folder / name)
    styles = [f"{name},s{row // 3}" for row, name in enumerate(ids)]
    (folder / "labels.csv").write_text("\n".join(["product_id,style_id", *styles, ""]))
