"""The evaluation of an Embedder on a labelled catalog."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cv_tf import strategy as devices
from cv_tf.catalog import Catalog, objects
from cv_tf.config import Config, EvaluationSettings
from cv_tf.embeddings import Embeddings, embed_with_color
from cv_tf.errors import UserError
from cv_tf.grouping import PairModel, calibrate_on, expected_threshold
from cv_tf.methods import build_embedder
from cv_tf.metrics import ProductResults, measure_embeddings, retrieval_figures
from cv_tf.models import Embedder
from cv_tf.pipeline import Photos, photos_of
from cv_tf.training.fit_whitening import embed_whitened
from cv_tf.training.splits import has_variants, sample_styles, split_catalog

# Enough to learn hundreds of components and a threshold from, and quick to embed.
_MOST_LEARNED_FROM = 20_000
# Difference of recall@1 between two samples from which on there is a warning.
_FAR_APART = 0.1


class EmbeddedPhotos(NamedTuple):
    """Photos, and their vectors: [n, dimensions] float32, L2-normalized."""

    photos: Photos
    vectors: np.ndarray


class Recalls(NamedTuple):
    """Recall@1 in block, 0 to 1, in two samples of equally many products."""

    trained_on: float  # Among products that were trained on.
    held_out: float
    num_products: int  # Of each sample.
    error: float  # Standard error of the difference.

    def warning(self) -> str:
        """A warning where the two recalls are far apart; "" where they are not."""
        apart = self.trained_on - self.held_out
        if abs(apart) < max(_FAR_APART, 3 * self.error):
            return ""
        figures = (
            f"recall@1 in block is {self.trained_on:.3f} among "
            f"{self.num_products:,} products that were trained on, and "
            f"{self.held_out:.3f} among as many that were held out"
        )
        if apart > 0:
            return (
                f"Note: {figures}. The Embedder knows the products that it was trained "
                "on; of new ones, expect the lower figure."
            )
        return (
            f"Warning: {figures}. An embedded catalogue will be as bad as the former. "
            "Look at its groups before you use them, and compare with fewer --steps, "
            "with --whiten=none or with more photos."
        )


class Evaluation(NamedTuple):
    """The result of the evaluation of an Embedder."""

    figures: dict[str, float]
    embedder: Embedder  # The one that was measured; whitened, if asked for.
    # Of the products that the figures are of; None where there was nothing to measure.
    reported: Embeddings | None
    # The same products; else those learned from, if these were embedded.
    embedded: EmbeddedPhotos | None
    # Figures of retrieval among the products that were learned from, which most of an
    # embedded catalog are; empty if not asked for, or without variants.
    trained_on: dict[str, float]
    recalls: Recalls | None  # None without both kinds of products.
    # What each of the reported products adds to the figures; None without variants.
    results: ProductResults | None = None


def evaluate_new(
    embedder: Embedder,
    known: Photos,
    reported: Photos,
    config: Config,
    name: str = "",
    measure_known: bool = False,
) -> Evaluation:
    """Fits whitening on known products (of many, a sample), then evaluates on others.

    There are no figures but counts if no two of the reported products are variants. The
    name is for the progress bars. `measure_known` measures the known products, too.

    Raises:
      UserError: If there are not two known products to fit whitening on.
    """
    photos = _sample(known, config.seed)
    embeddings = None
    if len(photos):
        embedder, embeddings = embed_whitened(
            embedder, photos, config, f"Embedding, {name}"
        )
    elif config.whiten != "none":
        raise UserError(
            "Whitening needs at least two photos to learn from, but all products are "
            "to be reported on. Label products of more styles, name those to learn "
            "from in a column 'split', or pass --whiten=none."
        )
    is_whole = len(photos) == len(known)
    measured = _measure(embedder, photos, embeddings, reported, config, name, is_whole)
    if embeddings is None or not measure_known:
        return measured
    return _with_known(measured, embeddings, config)


def evaluate_catalog(
    config: Config, catalog: Catalog, path: Path | None, trained_on: bool = True
) -> Evaluation:
    """Evaluates a saved Embedder, or a backbone as it was pretrained.

    Args:
      config: Settings of the data, the figures and, without a path, the Embedder.
      catalog: Catalog with labels.
      path: File of the Embedder; None for the pretrained one that the config describes.
      trained_on: Whether the Embedder of the path was trained on this catalog.
    """
    devices.make_repeatable(config.seed)
    with devices.one_device(config.strategy).scope():
        embedder = Embedder.load(path) if path else build_embedder(config)
        photos = photos_of(catalog, config, embedder.image_size)
        split = split_catalog(
            photos.catalog, config.train_split, config.eval_split, config.seed
        )
        known, reported = photos.select(split.train), photos.select(split.evaluation)
        if path is None:
            is_fitted = config.whiten != "none"
            return evaluate_new(embedder, known, reported, config, "frozen", is_fitted)
        num_known = len(known)
        known = _sample(known, config.seed)
        is_whole = len(known) == num_known
        trained_on = trained_on and has_variants(known.catalog.style)
        embeddings = None
        if len(known) and (config.threshold == "auto" or trained_on):
            embeddings = embed_with_color(
                embedder, known, config.embed_batch_size, "Embedding, known"
            )
        given = (embedder, known, embeddings, reported, config)
        measured = _measure(*given, "to report", is_whole)
        if embeddings is None or not trained_on:
            return measured
        return _with_known(measured, embeddings, config)


def _measure(
    embedder: Embedder,
    known: Photos,
    known_embeddings: Embeddings | None,
    reported: Photos,
    settings: EvaluationSettings,
    name: str,
    is_whole: bool,
) -> Evaluation:
    """Measures the reported products; the known ones choose the threshold by labels.

    Where the known ones are all others of the catalogue (`is_whole`), the reported ones
    are looked for among these, too.
    """
    counts: dict[str, float] = {
        "num_products": len(reported),
        "num_rejects": len(reported.rejects),
    }
    if not has_variants(reported.catalog.style):
        learned = None
        if known_embeddings is not None:
            learned = EmbeddedPhotos(known, known_embeddings.vectors)
        return Evaluation(counts, embedder, None, learned, {}, None)
    measured = embed_with_color(
        embedder, reported, settings.embed_batch_size, f"Embedding, {name}"
    )
    threshold: float | None = None
    model: PairModel | None = None
    if settings.threshold == "expected":
        threshold, model = expected_threshold(measured, settings)
    elif chosen := find_threshold(known_embeddings, measured.distinct.block, settings):
        threshold, model = chosen
    others = None
    if known_embeddings is not None and is_whole:
        styles = _styles_of_reported(known.catalog, reported.catalog)
        others = dataclasses.replace(known_embeddings, style=styles)
    figures, results = measure_embeddings(measured, threshold, settings, model, others)
    embedded = EmbeddedPhotos(reported, measured.vectors)
    evaluation = Evaluation(figures | counts, embedder, measured, embedded, {}, None)
    return evaluation._replace(results=_with_names(results, reported.catalog))


def _styles_of_reported(known: Catalog, reported: Catalog) -> np.ndarray:
    """The reported styles that known products share, [n] int; -1 for others.

    By name: the known ones may be numbered anew, by answers of people.
    """
    if known.style_id is None or reported.style_id is None:
        return np.full(len(known), -1)
    names, numbers = reported.style_id.tolist(), reported.style.tolist()
    number_of = {k: v for k, v in zip(names, numbers, strict=True) if k}
    return np.array([number_of.get(name, -1) for name in known.style_id], int)


def _with_names(results: ProductResults, catalog: Catalog) -> ProductResults:
    """The results, with the names of styles where the catalogue has them."""
    if catalog.style_id is None:
        return results
    ids, names = catalog.product_id.tolist(), catalog.style_id.tolist()
    name_of = dict(zip(ids, names, strict=True))
    styles = objects([name_of[product] for product in results.product_id])
    return dataclasses.replace(results, style=styles)


def _with_known(measured: Evaluation, known: Embeddings, config: Config) -> Evaluation:
    """The evaluation, with figures of the products that were learned from."""
    if not has_variants(known.known_style):
        return measured
    trained_on = retrieval_figures(known, config) | {"num_products": len(known)}
    recalls = None
    if measured.reported is not None:
        recalls = _compare(known, measured.reported, config)
    return measured._replace(trained_on=trained_on, recalls=recalls)


def _compare(known: Embeddings, reported: Embeddings, config: Config) -> Recalls | None:
    """Recall@1 among as many products of each; among more it is lower by nature."""
    num_products = min(len(known), len(reported))
    vectors_alone = dataclasses.replace(config, second_look=False)
    recalls, variances = [], []
    for embeddings in (known, reported):
        rows = sample_styles(embeddings.known_style, num_products, config.seed)
        sample = dataclasses.replace(embeddings.select(rows), lab=None)
        if not has_variants(sample.known_style):
            return None
        figures = retrieval_figures(sample, vectors_alone)
        recalls.append(recall := figures["recall_at_1_in_block"])
        variances.append(recall * (1 - recall) / figures["num_queries"])
    error = float(np.sqrt(np.sum(variances)))
    return Recalls(recalls[0], recalls[1], num_products, error)


def find_threshold(
    known: Embeddings | None, blocks: np.ndarray, settings: EvaluationSettings
) -> tuple[float, PairModel | None] | None:
    """The given threshold, or the best on known products; None if these lack variants.

    With it comes the model of pairs that it was chosen with, None if it was given.

    The known ones are None where the threshold is given. `blocks`, [n] int, are the
    blocks of the products to be grouped.
    """
    if settings.given_threshold is not None:
        return settings.given_threshold, None
    if known is None or not has_variants(known.known_style):
        return None
    calibration = calibrate_on(known, settings, settings.criterion, blocks)
    return calibration.threshold, calibration.model


def _sample(photos: Photos, seed: int) -> Photos:
    if len(photos) <= _MOST_LEARNED_FROM:
        return photos
    return photos.select(sample_styles(photos.catalog.style, _MOST_LEARNED_FROM, seed))
