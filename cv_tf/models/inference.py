"""Embedders applied to many photos, as fast as this machine can."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras
from absl import logging

from cv_tf import strategy as devices
from cv_tf.models.embedder import Embedder
from cv_tf.models.litert import LiteRtFunction, to_litert
from cv_tf.vision import product_color

# Least cosine of a vector with that of TensorFlow's graph. Rounding leaves 0.999998.
_LEAST_COSINE = 0.9999
_BATCHES_AHEAD = 2
# An interpreter has its own copy of the weights: some 30 MB.
_MOST_THREADS = 64
_KEPT = 4  # Converted functions that are kept, for whoever needs the same ones again.


class Inference:
    """Maps batches of photos to vectors; for whatever only looks, and does not learn.

    On CPUs, the network is converted to LiteRT, whose XNNPACK takes a third of the time
    of TensorFlow's graph. That takes a few seconds once; then each core maps one photo
    at a time. A vector is the same, bit for bit, whatever photos are beside it. On a
    GPU or TPU, TensorFlow's graph computes whole batches. So it does where LiteRT
    cannot compute the network, or not to the same vectors, which is logged.

    The weights are those that the Embedder has at the first batch.

    Args:
      embedder: The Embedder.
      with_color: Whether the colors of the products are found, too.
      by_graph: Whether TensorFlow's graph is to compute in any case, with the weights
        as they are at each batch: for few photos and weights that change.

    Example:
      >>> embedder = Embedder(build_backbone("tiny", weights="none"), image_size=64)
      >>> photos = np.zeros([2, 64, 64, 3], np.uint8)
      >>> Inference(embedder)(photos).shape
      (2, 64)
    """

    def __init__(
        self, embedder: Embedder, with_color: bool = False, by_graph: bool = False
    ):
        self._embedder = embedder
        # The device is that of the strategy in whose scope this is made.
        self._converts = devices.on_cpu() and not by_graph
        self._with_color = with_color
        self._pool = ThreadPoolExecutor(_num_threads())

    @functools.cached_property
    def _describe(self) -> _OnePhoto | None:
        """What describes a photo by LiteRT; None where the graph does."""
        if not self._converts:
            return None
        # In another thread there is no scope of a strategy, which need not be that in
        # whose scope the weights were made.
        return self._pool.submit(_on_cores, self._embedder).result()

    @functools.cached_property
    def _graph(self) -> tf.types.experimental.PolymorphicFunction:
        """The Embedder as a graph, which has its weights as they are; with color."""
        embedder = self._embedder
        model = _with_color(embedder) if self._with_color else embedder
        return compiled(model, embedder.image_size)

    @functools.cached_property
    def _colors(self) -> tf.types.experimental.PolymorphicFunction:
        return compiled(product_color, self._embedder.image_size)

    @property
    def uses_litert(self) -> bool:
        """Whether vectors are computed by LiteRT, and not by TensorFlow's graph."""
        return self._describe is not None

    def __call__(self, images: np.ndarray) -> Any:
        """The vectors of one batch, as `over` yields them."""
        return next(self.over([images]))

    def over(self, batches: Iterable[np.ndarray]) -> Iterator[Any]:
        """Yields the vectors of one batch of photos after another.

        Args:
          batches: Arrays or tensors, uint8 [b, image_size, image_size, 3]. Two of them
            are computed at a time.

        Yields:
          [b, dimensions] float32, of length 1; with color, a tuple of these and of
          [b, 3] float32 in CIELAB.
        """
        describe = self._describe
        if describe is None:
            for images in batches:
                yield tf.nest.map_structure(np.asarray, self._graph(images))
            return
        waiting: deque[tuple[list[Future[np.ndarray]], Any]] = deque()
        try:
            for images in batches:
                photos = np.asarray(images)
                futures = [self._pool.submit(describe, one) for one in photos]
                colors = self._colors(images) if self._with_color else None
                waiting.append((futures, colors))
                if len(waiting) > _BATCHES_AHEAD:
                    yield _joined(*waiting.popleft())
            while waiting:
                yield _joined(*waiting.popleft())
        finally:
            for futures, _ in waiting:
                for future in futures:
                    future.cancel()


def compiled(
    model: Callable[[tf.Tensor], Any], size: int
) -> tf.types.experimental.PolymorphicFunction:
    """A model of photos as a graph for batches of squares with `size` pixels a side."""
    images = tf.TensorSpec([None, size, size, 3], tf.uint8)
    return tf.function(model, input_signature=[images])


def _with_color(model: Callable[[tf.Tensor], Any]) -> Callable[[tf.Tensor], Any]:
    return lambda images: (model(images), product_color(images))


def _joined(futures: list[Future[np.ndarray]], colors: tf.Tensor | None) -> Any:
    vectors = np.stack([future.result() for future in futures])
    return vectors if colors is None else (vectors, np.asarray(colors))


def _num_threads() -> int:
    """The cores that this process may use."""
    cores: Any = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))
    return min(len(cores(0)), _MOST_THREADS)


def _on_cores(embedder: Embedder) -> _OnePhoto | None:
    """What describes a photo by LiteRT; None if its vectors are not the graph's."""
    try:
        with tf.device("/CPU:0"):
            describe = _OnePhoto(embedder)
            least = _least_cosine(embedder, describe)
    except Exception as error:  # Networks of others may have any kind of layer.
        why = f"{type(error).__name__}: {error}".splitlines()[0]
    else:
        if least >= _LEAST_COSINE:
            return describe
        why = f"its vectors have a cosine of {least:.4f} with those of TensorFlow"
    logging.warning(
        "LiteRT cannot compute this Embedder (%s). TensorFlow does, which takes about "
        "three times as long.",
        why,
    )
    return None


def _least_cosine(embedder: Embedder, describe: _OnePhoto) -> float:
    """The least cosine of vectors with those of the graph.

    It is that of drawn images, always the same: which of the two computes an Embedder
    must not depend on the photos, or a resumed run would go on otherwise.
    """
    size = embedder.image_size
    coarse = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), np.uint8)
    cells = np.arange(size) * 8 // size
    images = coarse[:, cells][:, :, cells]
    expected = embedder(images).numpy()
    return float(min(np.vdot(*pair) for pair in zip(expected, map(describe, images))))  # noqa: B905


class _OnePhoto:
    """The vector of one photo, uint8 [side, side, 3], as `Embedder.call` computes it.

    The network is applied to one rendering at a time, then the whitening. Each thread
    has interpreters of its own.
    """

    def __init__(self, embedder: Embedder):
        size, whitening = embedder.image_size, embedder.whitening
        self._renderings = embedder.renderings
        self._of_this_thread = threading.local()
        told = [embedder.image_size, embedder.color_input]
        told += [embedder.embedding, embedder.parts]
        self._network = _converted(
            _digest(embedder.backbone, *told),
            lambda pixels: {"pooled": embedder.pooled(pixels)},
            tf.TensorSpec([1, size, size, 3], tf.uint8),
        )
        self._whitening = whitening and _converted(
            _digest(whitening),
            lambda vectors: {"whitened": whitening(vectors)},
            tf.TensorSpec([1, whitening.input_dimensions], tf.float32),
        )

    def __call__(self, image: np.ndarray) -> np.ndarray:
        own = self._of_this_thread
        if not hasattr(own, "network"):
            own.network = LiteRtFunction(self._network)
            own.whiten = self._whitening and LiteRtFunction(self._whitening)
        pooled = [own.network(each) for each in self._renderings(image[None])]
        vector = _unit(_unit(sum(pooled)).reshape(1, -1))
        return (own.whiten(vector) if own.whiten else vector)[0]


def _unit(vectors: np.ndarray) -> np.ndarray:
    squared = np.sum(np.square(vectors), axis=-1, keepdims=True)
    return vectors / np.sqrt(np.maximum(squared, np.float32(1e-12)))


_CONVERTED: dict[str, bytes] = {}
_CONVERTING = threading.Lock()


def _converted(
    digest: str,
    function: Callable[[tf.Tensor], dict[str, tf.Tensor]],
    inputs: tf.TensorSpec,
) -> bytes:
    """The function as LiteRT content; the last few are kept in memory, by digest.

    They are not kept on disk: what runs there is made from an Embedder that was checked
    when it was read, by this process.
    """
    with _CONVERTING:
        content = _CONVERTED.pop(digest, None) or to_litert(function, inputs)
        _CONVERTED[digest] = content
        while len(_CONVERTED) > _KEPT:
            del _CONVERTED[next(iter(_CONVERTED))]
    return content


def _digest(layer: keras.layers.Layer, *more: Any) -> str:
    """A digest of a layer, of its weights as they are, and of more."""
    told = keras.saving.serialize_keras_object(layer)
    digest = hashlib.sha256(json.dumps([told, *more], default=repr).encode())
    for weights in layer.get_weights():
        digest.update(np.ascontiguousarray(weights).data)
    return digest.hexdigest()
