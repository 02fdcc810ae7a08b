"""Random views in PyTorch, in batch: the geometry and the colors of ours.

A geometry takes the number of photos and returns maps `[count, 2, 3]` from the view
to the photo, coordinates in -1..1, as `affine_grid` asks for.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

LUMA = torch.tensor([0.299, 0.587, 0.114])
# The matrix exponential of it, times an angle, turns about the axis of greys.
TURN = torch.tensor([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]]) / 3**0.5


def view(images: Tensor, geometry: Callable[[int], Tensor]) -> Tensor:
    """uint8 `[batch, side, side, 3]` to grey float32 `[batch, 3, side, side]`."""
    pixels = images.permute(0, 3, 1, 2).float().contiguous()
    maps = geometry(len(pixels))
    grid = functional.affine_grid(maps, list(pixels.shape), align_corners=False)
    pixels = functional.grid_sample(
        pixels, grid, padding_mode="border", align_corners=False
    )
    exponents = torch.exp(uniform(len(pixels), -math.log(2.5), math.log(2.5)))
    pixels = 255 * (pixels / 255).pow(exponents[:, None, None, None])
    matrices, offsets = color_changes(len(pixels))
    flat = torch.baddbmm(offsets[:, None, None], matrices, pixels.flatten(2))
    luma = (LUMA @ flat.clamp(0, 255)).view(len(pixels), 1, *pixels.shape[2:])
    return luma.repeat(1, 3, 1, 1).contiguous(memory_format=torch.channels_last)


def small_moves(count: int) -> Tensor:
    """Maps `[count, 2, 3]` of views that are shifted and zoomed a little."""
    size = 1 / uniform(count, 0.9, 1.1)
    return boxes(size, size, uniform(count, -0.08, 0.08), uniform(count, -0.08, 0.08))


def random_crops(count: int) -> Tensor:
    """Maps `[count, 2, 3]` of views of a fifth of the photo and more."""
    area = uniform(count, 0.2, 1.0)
    aspect = torch.exp(uniform(count, math.log(3 / 4), math.log(4 / 3)))
    width = (area * aspect).sqrt().clamp(max=1)
    height = (area / aspect).sqrt().clamp(max=1)
    left = (1 - width) * uniform(count, -1, 1)
    return boxes(width, height, left, (1 - height) * uniform(count, -1, 1))


def boxes(width: Tensor, height: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Maps `[batch, 2, 3]` to boxes of these sizes and centers, all in -1..1."""
    zero = torch.zeros_like(x)
    rows = torch.stack([width, zero, x]), torch.stack([zero, height, y])
    return torch.stack(rows).permute(2, 0, 1)


def color_changes(count: int) -> tuple[Tensor, Tensor]:
    """Matrices `[count, 3, 3]` and offsets `[count]`: all changes but gamma, as one."""
    one, grey = torch.eye(3), LUMA.expand(3, 3)
    weights = -torch.rand(count, 3, 3).log()
    mixing = (one + weights / weights.sum(2, keepdim=True)) / 2
    hue = torch.matrix_exp(uniform(count, -math.pi, math.pi)[:, None, None] * TURN)
    factor = uniform(count, 0.0, 1.8) * (torch.rand(count) >= 0.2)
    saturation = grey + factor[:, None, None] * (one - grey)
    inverted = (torch.rand(count) < 0.4).float()
    inversion = one - 2 * inverted[:, None, None] * grey
    contrast, brightness = uniform(count, 0.5, 1.2), uniform(count, 0.7, 1.2)
    gain = (brightness * contrast)[:, None, None]
    offset = brightness * (contrast * 255 * inverted + 127.5 * (1 - contrast))
    return gain * inversion @ saturation @ hue @ mixing, offset


def uniform(count: int, low: float, high: float) -> Tensor:
    """Draws `[count]` numbers."""
    return low + (high - low) * torch.rand(count)
