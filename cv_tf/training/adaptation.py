"""The Embedder of one catalogue made fit for another: whitening on its own photos."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from absl import logging

from cv_tf import command, strategy as devices
from cv_tf.answers import Said, read_said
from cv_tf.atomic import whole_folder, write_json, write_text
from cv_tf.catalog import Catalog
from cv_tf.config import CatalogSettings, Config, ConfigError
from cv_tf.embeddings import catalog_digest, fingerprint
from cv_tf.files import read_json
from cv_tf.models import Embedder
from cv_tf.pipeline import photos_of
from cv_tf.settings import values_of
from cv_tf.training.answered_styles import read_answered_styles
from cv_tf.training.fit_whitening import embed_whitened
from cv_tf.training.workdir import Workdir

# Photos that the whitening is fitted to, at most: enough for a thousand components.
MOST_PHOTOS = 20_000
# Photos below which nobody has measured whether it pays.
FEW_PHOTOS = 50


def adapt(
    source: Workdir,
    target: Workdir,
    catalog: Catalog,
    settings: CatalogSettings,
    strategy: str = "auto",
    batch_size: int = 64,
    overwrite: bool = False,
    answers: Sequence[str] = (),
) -> None:
    """Fits the whitening of a run's Embedder to a catalogue, without any label.

    Whitening says which differences between photos are details and which are chance,
    and that depends on what a shop photographs, and how. The network stays as it is.
    The adapted Embedder is written to a workdir of its own, which `embed`, `search`,
    `evaluate` and `export` take like that of a training. A workdir that holds the same
    adaptation is left as it is, so that an interrupted job can go on.

    Args:
      source: Workdir of a finished training.
      target: Workdir to write.
      catalog: Products of the settings; of more than 20,000, a sample counts, with
        those that people have answered questions about.
      settings: Settings that say how photos are read.
      strategy: Device to compute on, one of `cv_tf.choices.STRATEGIES`.
      batch_size: Photos at a time.
      overwrite: Whether another adaptation in `target` may be replaced.
      answers: Files of what people say of products, which count, too.

    Raises:
      AnswersError: If a file of answers cannot be used.
      ConfigError: If `target` holds something else.
      CatalogError: If no photo can be used.
      UserError: If the photos are too few, or all the same.
    """
    trained = source.read_config()
    said = read_said(*answers)
    about = _about(source, catalog, settings, said)
    if _is_done(target, about, overwrite):
        return
    config = dataclasses.replace(
        trained,
        embed_batch_size=batch_size,
        on_bad_image="reject",
        # What is adapted looks at no label but those of answers.
        whiten="pca" if trained.whiten == "pca" and not said else "groups",
        answers=tuple(answers),
        **values_of(settings, CatalogSettings),
    )
    devices.make_repeatable(config.seed)
    with devices.one_device(strategy).scope():
        embedder = _fit(Embedder.load(source.trained_embedder()), catalog, config, said)
    adapted = dataclasses.replace(config, workdir=str(target.path))
    with whole_folder(target.path) as unfinished:
        workdir = Workdir(unfinished)
        write_text(workdir.config, command.to_flagfile(adapted))
        embedder.save(workdir.embedder)
        write_json(workdir.adaptation, about)


def _fit(
    embedder: Embedder, catalog: Catalog, config: Config, said: Sequence[Said]
) -> Embedder:
    rows = np.random.default_rng(config.seed).permutation(len(catalog))
    names = {name for it in said for name in it[:2]}
    is_answered = np.array([name in names for name in catalog.product_id], bool)
    rows = rows[np.argsort(~is_answered[rows], kind="stable")]
    some = catalog.select(np.sort(rows[:MOST_PHOTOS]))
    photos = photos_of(some, config, embedder.image_size)
    if len(photos) < FEW_PHOTOS:
        logging.warning(
            "The whitening is fitted to %d photos only; what that is worth has been "
            "measured from 50 on. Compare it with the Embedder as it is.",
            len(photos),
        )
    photos = photos.with_styles(np.full(len(photos), -1))
    if said:
        all_rows = np.arange(len(photos))
        answered = read_answered_styles(config.answers, photos.catalog, all_rows)
        photos = photos.with_styles(answered.styles)
    embedder, _ = embed_whitened(embedder, photos, config, "Adapting the whitening")
    return embedder


def _about(
    source: Workdir, catalog: Catalog, settings: CatalogSettings, said: Sequence[Said]
) -> dict[str, str]:
    """What an adaptation is of: another one has other values."""
    about = {
        "adapted_from": fingerprint(source.trained_embedder()),
        "catalogue": catalog_digest(catalog),
        "frame": settings.frame,
    }
    if said:
        text = "\n".join(map(repr, said))
        about["answers"] = hashlib.sha256(text.encode()).hexdigest()
    return about


def _is_done(target: Workdir, about: dict[str, Any], overwrite: bool) -> bool:
    """Whether the workdir holds this adaptation; raises ConfigError for another one."""
    if not target.path.exists():
        return False
    there = None
    if target.adaptation.is_file():
        remedy = "Remove that folder, or name another --output."
        what = "the description of an adapted Embedder"
        there = read_json(target.adaptation, what, remedy, ConfigError)
    if there == about:
        return True
    if overwrite and there is not None:
        return False
    kind = "an Embedder that was adapted to other products, or by other answers"
    what = kind if there else "other files"
    remedy = "Pass --overwrite to replace it" if there else "Move them"
    raise ConfigError(
        f"'{target.path}', where the adapted Embedder is to be, holds {what}. "
        f"{remedy}, or name another --output."
    )
