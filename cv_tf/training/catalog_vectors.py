"""Vectors of all products of a catalog, by a trained Embedder or a pretrained one."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from cv_tf import strategy as devices
from cv_tf.catalog import Catalog
from cv_tf.config import Config
from cv_tf.embeddings import Embeddings, embed_with_color
from cv_tf.errors import UserError
from cv_tf.methods import build_embedder
from cv_tf.models import Embedder
from cv_tf.pipeline import photos_of
from cv_tf.training.fit_whitening import whiten


def embed_products(config: Config, catalog: Catalog, path: Path | None) -> Embeddings:
    """Embeds all products of a catalog, with the colors of their photos.

    Args:
      config: Settings of the data and, without a path, of the Embedder.
      catalog: The products. Of a pretrained network, the whitening is fitted on the
        split `config.train_split`, as in an evaluation.
      path: File of a trained Embedder; None for the pretrained one of the config.

    Raises:
      UserError: If there are no products to fit the whitening on.
    """
    devices.make_repeatable(config.seed)
    with devices.one_device(config.strategy).scope():
        embedder = Embedder.load(path) if path else build_embedder(config)
        photos = photos_of(catalog, config, embedder.image_size)
        found = embed_with_color(embedder, photos, config.embed_batch_size, "Embedding")
        if path is not None or config.whiten == "none":
            return found
        split = photos.catalog.split
        is_known = np.zeros(len(photos), bool)
        if split is not None:
            is_known = split == config.train_split
        if is_known.sum() < 2:
            raise UserError(
                f"{catalog.name} has no two products of the split "
                f"'{config.train_split}' to fit the whitening on. Name products to "
                "learn from in the column 'split', or pass --whiten=none."
            )
        embedder = whiten(embedder, found.select(is_known), config)
        assert embedder.whitening is not None  # noqa: S101 (the config asks for it)
        vectors = embedder.whitening(found.vectors).numpy()
        return dataclasses.replace(found, vectors=vectors)
