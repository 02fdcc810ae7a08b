"""Groups that an Embedder finds, taken for the styles that supervised methods need."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cv_tf.config import Config
from cv_tf.errors import UserError
from cv_tf.grouping import find_groups, find_neighbors, write_groups
from cv_tf.models import Embedder
from cv_tf.pipeline import Photos
from cv_tf.training.fit_whitening import GROUPING, embed_whitened, learning_threshold


def write_pseudo_labels(
    path: Path, embedder: Embedder, photos: Photos, config: Config
) -> None:
    """Groups products without a style, and writes the groups as `cv_tf.group` does.

    The vectors are those of the Embedder before it learns, whitened. Of 3,058 pairs
    that were grouped among 5,923 real photos, 61% were variants, and half of all
    variants were among them. The idea is that of Deep Clustering (arXiv 1807.05520,
    section 3.2), which clusters anew in each epoch; here there is one grouping, before
    training.
    """
    photos = _as_known(photos, config)
    _, embeddings = embed_whitened(
        embedder, photos, config, "Embedding, for pseudo-labels"
    )
    unknown = embeddings.select(np.flatnonzero(photos.catalog.style < 0))
    neighbors = find_neighbors(unknown, GROUPING)
    threshold = learning_threshold(unknown, neighbors)
    groups = find_groups(unknown, neighbors, threshold, GROUPING)
    write_groups(path, groups, unknown)


def with_pseudo_labels(
    photos: Photos, groups: Mapping[str, str], config: Config
) -> Photos:
    """Photos whose missing styles are replaced by groups, names by `product_id`.

    Raises:
      UserError: If a product has no group.
    """
    photos = _as_known(photos, config)
    styles = photos.catalog.style.copy()
    rows = np.flatnonzero(styles < 0)
    products = photos.catalog.product_id[rows].tolist()
    if missing := [product for product in products if product not in groups]:
        raise UserError(
            f"The pseudo-labels have no group of {len(missing)} products, such as "
            f"{missing[0]!r}. Remove pseudo_labels.csv to have them found again, or "
            "name another --workdir."
        )
    names = [groups[product] for product in products]
    first = styles.max(initial=-1) + 1
    styles[rows] = first + np.unique(names, return_inverse=True)[1]
    return photos.with_styles(styles)


def _as_known(photos: Photos, config: Config) -> Photos:
    """The photos without styles, if `--pseudo_labels=all`."""
    if config.pseudo_labels == "missing":
        return photos
    return photos.with_styles(np.full_like(photos.catalog.style, -1))
