"""Labels, groups of an earlier run, and the embedded products that they are of."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
from absl import logging

from cv_tf.catalog import number_styles
from cv_tf.embeddings import Embeddings, EmbeddingsError
from cv_tf.grouping.group_files import GroupsError
from cv_tf.spelling import Unmatched, find_unmatched


def check_shown(embeddings: Embeddings, labels: Mapping[str, str], source: str) -> None:
    """Checks that labels to compare groups with are of the embedded products.

    Raises:
      GroupsError: If none is. Where some are not, because their ids are spelled in
        another way, there is a warning.
    """
    unmatched = find_unmatched(labels, embeddings.product_id.tolist())
    if unmatched.number == len(labels):
        advice = unmatched.hint or "Both must call products the same."
        message = _none_of(labels, source, embeddings, unmatched)
        raise GroupsError(f"{message} {advice}")
    _warn_of_spelling(labels, source, embeddings, unmatched)


def check_previous(
    embeddings: Embeddings, previous: Mapping[str, str], source: str
) -> None:
    """Warns if no product of an earlier run is embedded, or ids are spelled otherwise.

    That some products have left the catalogue is as it should be.
    """
    unmatched = find_unmatched(previous, embeddings.product_id.tolist())
    if unmatched.number == len(previous):
        text = _none_of(previous, source, embeddings, unmatched)
        text += " All groups are new, and none keeps its name."
        logging.warning("%s", unmatched.with_hint(text))
    else:
        _warn_of_spelling(previous, source, embeddings, unmatched)


def _none_of(
    names: Mapping[str, str], source: str, embeddings: Embeddings, unmatched: Unmatched
) -> str:
    return (
        f"None of the {len(names):,} products of {source} is in {embeddings.name}: ids "
        f"are such as {unmatched.example!r}, and there such as "
        f"{embeddings.product_id[0]!r}."
    )


def _warn_of_spelling(
    names: Mapping[str, str], source: str, embeddings: Embeddings, unmatched: Unmatched
) -> None:
    if unmatched.hint:
        text = (
            f"{unmatched.number:,} of {len(names):,} products of {source} are not in "
            f"{embeddings.name}, such as {unmatched.example!r}."
        )
        logging.warning("%s", unmatched.with_hint(text))


def match_labels(
    embeddings: Embeddings, labels: Mapping[str, str], source: str
) -> Embeddings:
    """Finds the vectors of labelled products, and adds their styles.

    Args:
      embeddings: Embeddings of these products, and maybe of others.
      labels: Styles by product; "" where a style is not known.
      source: Where the labels come from, for messages.

    Raises:
      EmbeddingsError: If none of these products is embedded.
    """
    is_named = np.array([product in labels for product in embeddings.product_id], bool)
    rows = np.flatnonzero(is_named)
    unmatched = find_unmatched(labels, embeddings.product_id.tolist())
    if not len(rows):
        advice = "Name the file of their vectors with --calibrate_embeddings."
        message = _none_of(labels, source, embeddings, unmatched)
        raise EmbeddingsError(f"{message} {unmatched.hint or advice}")
    if unmatched.number:
        text = (
            f"{unmatched.number:,} of {len(labels):,} labelled products have no vector "
            f"in {embeddings.name}, such as {unmatched.example!r}; the others "
            "calibrate."
        )
        logging.warning("%s", unmatched.with_hint(text))
    known = embeddings.select(rows)
    styles = number_styles([labels[product] for product in known.product_id])
    return dataclasses.replace(known, style=styles)
