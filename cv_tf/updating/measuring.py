"""How the newest products of a run compare with those of the first."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cv_tf.catalog import read_needed
from cv_tf.embeddings import read_embeddings
from cv_tf.updating.drift import (
    Baseline,
    Drift,
    Measured,
    Share,
    compare_with_baseline,
    similarities_to_nearest,
)
from cv_tf.updating.known_photos import KnownPhotos, newest_photos
from cv_tf.updating.state_folder import StateFolder

# Photos that are measured at least, if there are so many new ones, and at most.
_LEAST_NEWEST, _MOST_NEWEST = 200, 1000


def measure_drift(
    state: StateFolder,
    known: KnownPhotos,
    frames: Mapping[str, int],
    gone: Share,
    baseline: Baseline | tuple[int, Mapping[str, Any]],
) -> Drift:
    """Measures the newest products, or all at first, and compares them.

    Args:
      state: The folder in which the files of the run are made.
      known: What is known of the photos.
      frames: Number of new photos by the outcome of their frames.
      gone: Products of the last run that are no longer there.
      baseline: What to compare with; or the number of this run and what it is made by,
        if it is to be the baseline.
    """
    is_first = not isinstance(baseline, Baseline)
    since = 0 if isinstance(baseline, tuple) else baseline.run
    least = len(known) if is_first else _LEAST_NEWEST
    rows = newest_photos(known, since, least, _MOST_NEWEST)
    no_frame = frames.get("declined", 0) + frames.get("implausible", 0)
    made = state.made(state.embeddings)
    embeddings = read_embeddings(made, extras=False)
    place = known.vector_row[rows]
    is_doubtful = _doubtful(state.made(state.groups), embeddings.product_id)
    is_new = is_doubtful[place]
    measured = Measured(
        nearest=similarities_to_nearest(embeddings, place),
        no_frame=Share(no_frame, sum(frames.values())),
        doubtful=Share(int(is_new.sum()), len(place)),
        doubtful_others=Share(
            int(is_doubtful.sum() - is_new.sum()), len(is_doubtful) - len(place)
        ),
        rejected=Share(int((known.reason != "").sum()), len(known)),
    )
    if isinstance(baseline, tuple):
        return Drift(Baseline(*baseline, measured), measured)
    checks = compare_with_baseline(baseline.measured, measured, gone)
    return Drift(baseline, measured, checks)


def _doubtful(groups: Path, products: np.ndarray) -> np.ndarray:
    """Whether the group of each of n products is doubtful, [n] bool."""
    needed = {"product_id": "", "state": ""}
    cells = read_needed(str(groups), needed).cells
    state = dict(zip(cells["product_id"], cells["state"], strict=True))
    return np.array([state[product] == "doubtful" for product in products])
