"""The side of embedding.py that embeds photos with PyTorch, in a Python of its own.

EfficientNet-Lite0 of timm at 224 pixels, one pass a photo, batches of 64 in channels
last, whole vectors without parts: what a plain recipe does. From files, photos are read
by a DataLoader with as many workers as cores, decoded by Pillow at reduced size.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from embedding_answers import Ask, photos_of, serve
from PIL import Image
from torch.utils.data import DataLoader, Dataset

BATCH, SIZE = 64, 224


class Files(Dataset):
    """Photos of a list, decoded to squares."""

    def __init__(self, paths: list[Path]):
        self._paths = paths

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, row: int) -> torch.Tensor:
        image = Image.open(self._paths[row])
        image.draft("RGB", (SIZE, SIZE))
        square = image.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BILINEAR)
        return torch.from_numpy(np.array(square)).permute(2, 0, 1)


def start(about: dict[str, Any]) -> tuple[dict[str, Any], Ask]:
    """Builds the network."""
    torch.set_num_threads(about["cores"])
    paths = photos_of(about)
    model = timm.create_model("tf_efficientnet_lite0", pretrained=False, num_classes=0)
    model = model.eval().to(memory_format=torch.channels_last)
    images = torch.from_numpy(
        np.random.default_rng(0).integers(0, 256, (BATCH, 3, SIZE, SIZE), np.uint8)
    )

    def ask(name: str) -> float:
        batches: Any = [images] * (len(paths) // BATCH)
        began = time.perf_counter()
        if name == "files":
            batches = DataLoader(Files(paths), BATCH, num_workers=about["cores"])
        with torch.inference_mode():
            for batch in batches:
                pixels = batch.to(memory_format=torch.channels_last).float() / 127.5 - 1
                model(pixels)
        return time.perf_counter() - began

    return {"photos": len(paths)}, ask


if __name__ == "__main__":
    serve(start)
