"""The side of embedding.py that embeds photos with PyTorch, in a Python of its own.

EfficientNet-Lite0 of timm at 224 pixels, one pass a photo, batches of 64 in channels
last, whole vectors without parts: what a plain recipe does. From files, photos are read
by a DataLoader with as many workers as cores, decoded by Pillow at reduced size.
"""

from __future__ import annotations

import csv
import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

BATCH, SIZE = 64, 224


class Files(Dataset):
    """Photos of a list, decoded to squares."""

    def __init__(self, paths: list[str]):
        self._paths = paths

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, row: int) -> torch.Tensor:
        image = Image.open(self._paths[row])
        image.draft("RGB", (SIZE, SIZE))
        square = image.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BILINEAR)
        return torch.from_numpy(np.array(square)).permute(2, 0, 1)


def main() -> None:
    """Answers until there are no more questions."""
    about = json.loads(sys.stdin.readline())
    os.sched_setaffinity(0, range(about["cores"]))
    torch.set_num_threads(about["cores"])
    base = Path(about["catalog"]).absolute().parent
    with Path(about["catalog"]).open(newline="", encoding="utf-8") as file:
        paths = [str(base / row["image"]) for row in csv.DictReader(file)]
    paths = [paths[row % len(paths)] for row in range(about["photos"])]
    model = timm.create_model("tf_efficientnet_lite0", pretrained=False, num_classes=0)
    model = model.eval().to(memory_format=torch.channels_last)
    images = torch.from_numpy(
        np.random.default_rng(0).integers(0, 256, (BATCH, 3, SIZE, SIZE), np.uint8)
    )
    answer({"photos": len(paths)})
    for line in sys.stdin:
        if line.strip() == "memory":
            answer(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
            continue
        batches: Any = [images] * (len(paths) // BATCH)
        start = time.perf_counter()
        if line.strip() == "files":
            batches = DataLoader(Files(paths), BATCH, num_workers=about["cores"])
        with torch.inference_mode():
            for batch in batches:
                pixels = batch.to(memory_format=torch.channels_last).float() / 127.5 - 1
                model(pixels)
        answer(time.perf_counter() - start)


def answer(value: object) -> None:
    """Writes one line."""
    print(f"answer {json.dumps(value)}", flush=True)


if __name__ == "__main__":
    main()
