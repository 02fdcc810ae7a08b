"""Photos and views as a training will get them, before there is one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from cv_tf.catalog import Catalog
from cv_tf.config import Config
from cv_tf.inspection.choose import Meeting, choose_products
from cv_tf.methods import Method, TwoViews, build_embedder, build_method
from cv_tf.pipeline import Photos, Reject
from cv_tf.training.data import prepare_photos
from cv_tf.training.fit import build_order
from cv_tf.training.splits import split_catalog
from cv_tf.vision import color_input

# Random numbers are drawn for a whole batch. One of 256 views of 224 pixels a side
# takes a second; larger ones are not made for the sake of a few photos.
_MOST_PIXELS = 256 * 224**2


class Preview(NamedTuple):
    """A product as training sees it.

    Attributes:
      product_id: Its name.
      block: Name of its block.
      color: For people to read; "" if unknown.
      photo: uint8 `[side, side, 3]`, as prepared.
      step: Of the training, at which it is met for the first time.
      views: uint8 `[num_views, size, size, 3]`, as the network gets them.
    """

    product_id: str
    block: str
    color: str
    photo: np.ndarray
    step: int
    views: np.ndarray


class Previews(NamedTuple):
    """Some products as training sees them.

    Attributes:
      products: Spread over blocks.
      views_a_step: How many views of a product the method makes each time it is met.
      are_exact: Whether the first views of each product are those of its step, up to
        rounding, if no photo of the catalogue is left out; else they are drawn in the
        same way.
      rejects: Products whose photos cannot be used.
    """

    products: tuple[Preview, ...]
    views_a_step: int
    are_exact: bool
    rejects: tuple[Reject, ...]


def preview(
    config: Config, catalog: Catalog, num_products: int, num_views: int
) -> Previews:
    """Makes photos and views of some products of the training split.

    Args:
      config: Of the training.
      catalog: All products.
      num_products: How many products, at most.
      num_views: How many views of each.

    Raises:
      ValueError: If training would refuse the settings or the catalogue, or cannot
        use the photos.
    """
    split = split_catalog(catalog, config.train_split, config.eval_split, config.seed)
    train = catalog.select(split.train)
    order = build_order(config, train)
    meetings = choose_products(order, train.block, num_products, config.steps)
    rows = np.array([meeting.row for meeting in meetings])
    size = max(config.image_size, config.size_at_use)
    photos = prepare_photos(train.select(rows), config, size)
    place_of = {name: i for i, name in enumerate(train.product_id[rows])}
    meetings = [meetings[place_of[name]] for name in photos.catalog.product_id]
    pixels = _pixels(photos)
    method = _method(config)
    are_exact = config.batch_size * size**2 <= _MOST_PIXELS
    views = _views(method, config, pixels, meetings, num_views, are_exact)
    return Previews(
        products=tuple(
            Preview(*_names(photos.catalog, i), pixels[i], meeting.step, views[i])
            for i, meeting in enumerate(meetings)
        ),
        views_a_step=2 if isinstance(method, TwoViews) else 1,
        are_exact=are_exact,
        rejects=photos.rejects,
    )


def method_views(method: Method, images: tf.Tensor, step: int) -> list[tf.Tensor]:
    """The views that a method makes of a batch at a step of its training.

    Args:
      method: Any.
      images: uint8 `[batch, side, side, 3]`.
      step: Whose seed is taken.

    Returns:
      One or two of float32 `[batch, size, size, 3]` in 0..255.
    """
    seed = tf.stack([method.seed, step])  # As in `Method.train_step`.
    if isinstance(method, TwoViews):
        return list(method.two_views(images, seed))
    color = method.embedder.color_in_training
    return [color_input(method.views(images, seed), color)]


def _method(config: Config) -> Method:
    """The method with its own views; the network, which takes long, is left out."""
    config = dataclasses.replace(
        config, backbone="tiny", weights="none", frozen_stride=0, triplet_loss="native"
    )
    return build_method(config, build_embedder(config))


def _views(
    method: Method,
    config: Config,
    pixels: np.ndarray,
    meetings: Sequence[Meeting],
    num_views: int,
    are_exact: bool,
) -> np.ndarray:
    """uint8 `[num_products, num_views, size, size, 3]`."""
    shape = (len(meetings), num_views, config.image_size, config.image_size, 3)
    views = np.empty(shape, np.uint8)
    for step in {meeting.step for meeting in meetings}:
        rows = [i for i, meeting in enumerate(meetings) if meeting.step == step]
        places = list(range(len(rows)))
        batch_size = len(rows)
        if are_exact:
            # A view depends on its photo and its place alone: the rest is left black.
            places, batch_size = [meetings[i].place for i in rows], config.batch_size
        batch = np.zeros((batch_size, *pixels.shape[1:]), np.uint8)
        batch[places] = pixels[rows]
        for i, view in zip(
            range(num_views), _endless(method, batch, step, config.steps), strict=False
        ):
            shown = tf.round(tf.gather(view, places))
            views[rows, i] = tf.saturate_cast(shown, tf.uint8)
    return views


def _endless(
    method: Method, batch: np.ndarray, step: int, num_steps: int
) -> Iterator[tf.Tensor]:
    """The views of a step, then those of steps that the training does not reach."""
    while True:
        yield from method_views(method, tf.constant(batch), step)
        step = step + 1 if step >= num_steps else num_steps


def _pixels(photos: Photos) -> np.ndarray:
    if photos.pixels is None:
        photos = photos.in_memory(progress=False)
    return photos.pixels[photos.places]


def _names(catalog: Catalog, row: int) -> tuple[str, str, str]:
    color = "" if catalog.color is None else catalog.color[row]
    return catalog.product_id[row], catalog.block_names[catalog.block[row]], color
