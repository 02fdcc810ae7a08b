"""How good an Embedder is on a labelled catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from cv_tf import strategy as devices
from cv_tf.catalog import Catalog
from cv_tf.config import Config, EvaluationSettings
from cv_tf.embeddings import embed, with_color
from cv_tf.grouping import calibrate_on
from cv_tf.methods import build_embedder
from cv_tf.metrics import evaluate_embeddings, retrieval_figures
from cv_tf.models import Embedder
from cv_tf.pipeline import Photos, photos_of
from cv_tf.training.fit_whitening import embed_whitened
from cv_tf.training.splits import has_variants, sample_styles, split_catalog

# Enough to learn hundreds of components and a threshold from, and quick to embed.
_MOST_LEARNED_FROM = 20_000
# Differences of recall@1 that are worth a word, beyond those between two samples.
_FAR_APART = 0.1


class Reported(NamedTuple):
    """The products that figures are of.

    Attributes:
      catalog: n products.
      vectors: `[n, dim]` float32, L2-normalised.
      lab: `[n, 3]` float32, their colors in CIELAB.
    """

    catalog: Catalog
    vectors: np.ndarray
    lab: np.ndarray


class Embedded(NamedTuple):
    """Products, and where an Embedder puts them.

    Attributes:
      photos: Of n products.
      vectors: `[n, dim]` float32, L2-normalised.
    """

    photos: Photos
    vectors: np.ndarray


class Recalls(NamedTuple):
    """Recall@1 in block in two samples of equally many products.

    Attributes:
      trained_on: Recall among products that were learned from.
      held_out: Recall among products that were not.
      num_products: How many products each sample has.
      error: The standard error of the difference.
    """

    trained_on: float
    held_out: float
    num_products: int
    error: float

    def warning(self) -> str:
        """What to tell people where the two are far apart; "" where they are not."""
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
    """How good an Embedder is.

    Attributes:
      figures: By their names.
      embedder: Which they are of; whitened, if asked for.
      reported: Which they were measured on; None where there was nothing to measure.
      embedded: The same products, to look at; where there was nothing to measure, those
        that were learned from, if these were embedded.
      trained_on: Figures of retrieval among the products that were learned from, which
        most of an embedded catalogue are; empty if they were not asked for, or have no
        labelled variants.
      recalls: Recall@1 in block among the products learned from and among the reported
        ones, of equally many of both, so that they compare; None without both.
    """

    figures: dict[str, float]
    embedder: Embedder
    reported: Reported | None
    embedded: Embedded | None
    trained_on: dict[str, float]
    recalls: Recalls | None


def evaluate_new(
    embedder: Embedder,
    known: Photos,
    reported: Photos,
    config: Config,
    name: str = "",
    measure_known: bool = False,
) -> Evaluation:
    """Fits whitening on known products, then evaluates on others.

    Args:
      embedder: Its whitening, if any, is replaced.
      known: Products to fit whitening and the threshold on.
      reported: Products to report on. There are no figures but counts if no two of
        them are known to be variants of each other.
      config: Says whether and how to whiten, how to search and to group, and the seed
        of the sample taken of a very large `known`.
      name: For the progress bars.
      measure_known: Whether to measure the known products, too.
    """
    known = _sample(known, config.seed)
    embedder, vectors, lab = embed_whitened(
        embedder, known, config, f"Embedding, {name}"
    )
    measured = _measure(embedder, (vectors, lab), known, reported, config, name)
    if not measure_known:
        return measured
    return _with_known(measured, Reported(known.catalog, vectors, lab), config)


def evaluate_catalog(
    config: Config, catalog: Catalog, path: Path | None, trained_on: bool = True
) -> Evaluation:
    """Evaluates a saved Embedder, or a backbone as it was pretrained.

    Args:
      config: Of the data, the figures and, without a path, the Embedder.
      catalog: With labels.
      path: Of the Embedder; None for the pretrained one that the config describes.
      trained_on: Whether an Embedder of a path was trained on this catalogue.
    """
    devices.make_repeatable(config.seed)
    with devices.one_device(config.strategy).scope():
        embedder = Embedder.load(path) if path else build_embedder(config)
        is_new = path is None
        return _evaluate_split(config, catalog, embedder, is_new, trained_on)


def _evaluate_split(
    config: Config,
    catalog: Catalog,
    embedder: Embedder,
    is_new: bool,
    trained_on: bool,
) -> Evaluation:
    photos = photos_of(catalog, config, embedder.image_size)
    split = split_catalog(
        photos.catalog, config.train_split, config.eval_split, config.seed
    )
    known, reported = photos.select(split.train), photos.select(split.evaluation)
    if is_new:
        is_fitted = config.whiten != "none"
        return evaluate_new(embedder, known, reported, config, "frozen", is_fitted)
    known = _sample(known, config.seed)
    trained_on = trained_on and has_variants(known.catalog.style)
    described = None
    if config.threshold == "auto" or trained_on:
        described = embed(
            with_color(embedder), known, config.embed_batch_size, "Embedding, known"
        )
    measured = _measure(embedder, described, known, reported, config, "to report")
    if not trained_on:
        return measured
    return _with_known(measured, Reported(known.catalog, *described), config)


def _measure(
    embedder: Embedder,
    described: tuple[np.ndarray, np.ndarray] | None,
    known: Photos,
    reported: Photos,
    settings: EvaluationSettings,
    name: str,
) -> Evaluation:
    counts = {
        "num_products": len(reported),
        "num_rejects": len(reported.rejects),
    }
    if not has_variants(reported.catalog.style):
        learned = Embedded(known, described[0]) if described else None
        return Evaluation(counts, embedder, None, learned, {}, None)
    vectors, lab = embed(
        with_color(embedder), reported, settings.embed_batch_size, f"Embedding, {name}"
    )
    styles, blocks = reported.catalog.style, reported.catalog.block
    threshold = find_threshold(described, known, blocks, settings)
    if threshold is None:
        figures = retrieval_figures(vectors, styles, blocks, settings.retrieval, lab)
    else:
        figures = evaluate_embeddings(vectors, styles, blocks, threshold, settings, lab)
    measured = Reported(reported.catalog, vectors, lab)
    embedded = Embedded(reported, vectors)
    return Evaluation(figures | counts, embedder, measured, embedded, {}, None)


def _with_known(measured: Evaluation, known: Reported, config: Config) -> Evaluation:
    """The evaluation, with figures of the products that were learned from."""
    if not has_variants(known.catalog.style):
        return measured
    catalog, vectors, lab = known
    trained_on = retrieval_figures(
        vectors, catalog.style, catalog.block, config.retrieval, lab
    )
    trained_on |= {"num_products": len(catalog)}
    recalls = None
    if measured.reported is not None:
        recalls = _compare(known, measured.reported, config)
    return measured._replace(trained_on=trained_on, recalls=recalls)


def _compare(known: Reported, reported: Reported, config: Config) -> Recalls | None:
    """Recall@1 among as many products of each; among more it is lower by nature."""
    num_products = min(len(known.catalog), len(reported.catalog))
    recalls, variances = [], []
    for catalog, vectors, _ in (known, reported):
        rows = sample_styles(catalog.style, num_products, config.seed)
        styles, blocks = catalog.style[rows], catalog.block[rows]
        if not has_variants(styles):
            return None
        figures = retrieval_figures(vectors[rows], styles, blocks, config.retrieval)
        recall = figures["recall_at_1_in_block"]
        recalls.append(recall)
        variances.append(recall * (1 - recall) / figures["num_queries"])
    return Recalls(*recalls, num_products, float(np.sqrt(np.sum(variances))))


def find_threshold(
    described: tuple[np.ndarray, np.ndarray] | None,
    known: Photos,
    blocks: np.ndarray,
    settings: EvaluationSettings,
) -> float | None:
    """The given threshold, or the best on known products; None if these lack pairs.

    Args:
      described: Vectors and colors of the known products; None if there is a threshold.
      known: The products.
      blocks: `[n]` blocks of the products to be grouped.
      settings: How to group, and what to choose for.
    """
    if settings.threshold != "auto":
        return float(settings.threshold)
    styles = known.catalog.style
    if not has_variants(styles):
        return None
    vectors, lab = described
    return calibrate_on(
        vectors,
        known.catalog.block,
        lab,
        styles,
        settings,
        settings.criterion,
        blocks,
    ).threshold


def _sample(photos: Photos, seed: int) -> Photos:
    if len(photos) <= _MOST_LEARNED_FROM:
        return photos
    rows = sample_styles(photos.catalog.style, _MOST_LEARNED_FROM, seed)
    return photos.select(rows)
