"""Previews: photos and views as a training will make them."""

from __future__ import annotations

import dataclasses
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from cv_tf.catalog import Catalog
from cv_tf.config import Config
from cv_tf.methods import Method, TwoViews, build_embedder, build_method
from cv_tf.pipeline import Photos, Reject, photos_of
from cv_tf.training import build_order
from cv_tf.vision import Rows, color_input

# A batch of `--batches=block` has products of one block, and few catalogues have more
# blocks.
_MOST_STEPS = 200


class Meeting(NamedTuple):
    """The first time that training sees a product."""

    row: int  # Among the products to learn from.
    step: int  # From 0.
    place: int  # Row number in the batch of that step.


def choose_products(
    order: Callable[[int], np.ndarray],
    blocks: np.ndarray,
    num_products: int,
    num_steps: int,
) -> tuple[Meeting, ...]:
    """Chooses the first products that training sees, of as many blocks as possible.

    They are at most `num_products`: the first of each block, then the second of each,
    and so on. `order` maps a step to the row numbers of its batch; the first 200 steps
    at most are searched.
    """
    met: dict[int, Meeting] = {}
    for step in range(max(1, min(num_steps, _MOST_STEPS))):
        for place, row in enumerate(order(step).tolist()):
            met.setdefault(row, Meeting(row, step, place))
        num_blocks = len({int(blocks[row]) for row in met})
        if min(num_blocks, len(met)) >= num_products:
            break
    return _spread(met.values(), blocks)[:num_products]


def _spread(meetings: Iterable[Meeting], blocks: np.ndarray) -> tuple[Meeting, ...]:
    """Orders them: the first of each block, then the second of each, and so on."""
    turns: dict[int, Iterator[int]] = defaultdict(itertools.count)
    # The sort is stable, so the order of the training is kept within a turn.
    return tuple(sorted(meetings, key=lambda of: next(turns[int(blocks[of.row])])))


class Preview(NamedTuple):
    """A product as training sees it."""

    product_id: str
    block: str
    color: str  # "" if unknown.
    photo: np.ndarray  # As prepared, uint8 `[side, side, 3]`.
    step: int  # The first that sees it.
    views: np.ndarray  # Inputs of the network, uint8 `[num_views, size, size, 3]`.


class Previews(NamedTuple):
    """Some products, of as many blocks as possible, as training sees them.

    The first views of each are those of its step, up to rounding.
    """

    products: tuple[Preview, ...]
    views_a_step: int  # Views that the method makes of a product in a step.
    rejects: tuple[Reject, ...]  # Products whose photos cannot be used.


def preview(
    config: Config, train: Catalog, num_products: int, num_views: int
) -> Previews:
    """Makes the photos and the views of some products as training will make them.

    If photos of the catalogue cannot be used, training sees products at other steps.

    Args:
      config: Settings of the training.
      train: Products to learn from.
      num_products: Largest number of products to show.
      num_views: Number of views of each product.

    Raises:
      ValueError: If training would refuse the settings or the products, or cannot
        use the photos.
    """
    meetings = choose_products(
        build_order(config, train), train.block, num_products, config.steps
    )
    rows = np.array([meeting.row for meeting in meetings])
    size = max(config.image_size, config.size_at_use)
    photos = photos_of(train.select(rows), config, size)
    place_of = {name: i for i, name in enumerate(train.product_id[rows])}
    usable = [meetings[place_of[name]] for name in photos.catalog.product_id]
    return _show(config, photos, usable, num_views)


def preview_first_batch(config: Config, photos: Photos, num_products: int) -> Previews:
    """Makes the views of some products of the first batch, as its step will see them.

    Args:
      config: Settings of the training.
      photos: Photos to learn from.
      num_products: Largest number of products to show.

    Raises:
      ValueError: If training would refuse the settings or the photos.
    """
    order = build_order(config, photos.catalog)
    meetings = choose_products(order, photos.catalog.block, num_products, num_steps=1)
    rows = np.array([meeting.row for meeting in meetings])
    return _show(config, photos.select(rows), meetings, num_views=None)


def method_views(
    method: Method, images: tf.Tensor, step: int, rows: Rows | None = None
) -> list[tf.Tensor]:
    """Makes the views of a batch as a method makes them at a step of its training.

    From uint8 `[batch, side, side, 3]` to one or two views, float32 `[batch, size,
    size, 3]` in 0..255; `rows` as in `Method.features`.
    """
    seed = tf.stack([method.seed, step])  # The seed of `Method.gradients`.
    if isinstance(method, TwoViews):
        return list(method.two_views(images, seed, rows))
    color = method.embedder.color_in_training
    return [color_input(method.views(images, seed, rows), color)]


def _show(
    config: Config, photos: Photos, meetings: Sequence[Meeting], num_views: int | None
) -> Previews:
    """Makes a preview of each photo; `num_views` None for the views of one step."""
    catalog, pixels = photos.catalog, photo_pixels(photos)
    # For its views alone, a method needs but a small network and queue.
    small = dataclasses.replace(
        config,
        backbone="tiny",
        weights="none",
        frozen_stride=0,
        triplet_loss="native",
        queue_size=config.batch_size,
    )
    method = build_method(small, build_embedder(small))
    views_a_step = 2 if isinstance(method, TwoViews) else 1
    products = []
    for i, (photo, meeting) in enumerate(zip(pixels, meetings, strict=True)):
        views = _views(method, config, photo, meeting)
        shown = np.stack([*itertools.islice(views, num_views or views_a_step)])
        block = catalog.block_names[catalog.block[i]]
        color = "" if catalog.color is None else catalog.color[i]
        names = (catalog.product_id[i], block, color)
        products.append(Preview(*names, photo, meeting.step, shown))
    return Previews(tuple(products), views_a_step, photos.rejects)


def _views(
    method: Method, config: Config, photo: np.ndarray, meeting: Meeting
) -> Iterator[np.ndarray]:
    """Yields the views of a step, then views of steps after the end of the training."""
    # A view depends on its photo and its row in the batch alone, not on other photos.
    image, rows = tf.constant(photo[np.newaxis]), Rows(meeting.place, config.batch_size)
    step = meeting.step
    while True:
        for view in method_views(method, image, step, rows):
            yield tf.saturate_cast(tf.round(view[0]), tf.uint8).numpy()
        step = step + 1 if step >= config.steps else config.steps


def photo_pixels(photos: Photos) -> np.ndarray:
    """Returns all photos, uint8 `[n, side, side, 3]`; decodes them if needed."""
    if photos.pixels is None:
        return photo_pixels(photos.in_memory(progress=False))
    return photos.pixels[photos.places]
