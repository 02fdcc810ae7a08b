"""One training from beginning to end: before, training, after."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
import tf_keras as keras
from absl import logging

from cv_tf import command, strategy as devices
from cv_tf.atomic import write_json
from cv_tf.catalog import Catalog
from cv_tf.config import Config
from cv_tf.embeddings import Embeddings, embed
from cv_tf.errors import UserError
from cv_tf.grouping import read_groups
from cv_tf.locks import only_writer
from cv_tf.methods import build_embedder, build_method
from cv_tf.metrics import (
    ProductResults,
    compare_results,
    embedding_std,
    format_run,
    retrieval_figures,
)
from cv_tf.models import Embedder, Inference
from cv_tf.pipeline import Photos, photos_of, write_rejects
from cv_tf.training.answered_styles import AnsweredStyles, read_answered_styles
from cv_tf.training.checkpoints import Checkpoints
from cv_tf.training.embedder_evaluation import Evaluation, evaluate_new
from cv_tf.training.fit import build_order, compile_method, fit
from cv_tf.training.optimizers import build_optimizer
from cv_tf.training.pseudo_labels import with_pseudo_labels, write_pseudo_labels
from cv_tf.training.run_files import figures_so_far, kept_answers, open_run, run_digest
from cv_tf.training.splits import has_variants, split_catalog
from cv_tf.training.workdir import Workdir

# Settings of the baselines: of the pretrained network, without those of the recipe.
_AS_PRETRAINED: dict[str, Any] = {
    "feature_stride": 32,
    "frozen_stride": 0,
    "embedding": "whole",
    "average": "none",
    "whiten": "none",
}


class Show(NamedTuple):
    """Functions that show a run in TensorBoard; their first argument is its folder."""

    # Shows the views of the first batch of the photos to learn from. Called whenever a
    # run begins or is resumed.
    views: Callable[[Path, Config, Photos], None]
    # Shows photos and vectors, float32 `[n, dimensions]`, at the end of a run.
    vectors: Callable[[Path, Photos, np.ndarray], None]


class RunInputs(NamedTuple):
    """What a run needs before its workdir is made; `source` says how it was split."""

    strategy: tf.distribute.Strategy
    train: Photos  # Their styles are those of answers, if there are any.
    reported: Photos
    source: str
    answered: AnsweredStyles | None = None

    @property
    def different(self) -> np.ndarray | None:
        """Rows of `train` that people said are two designs, [m, 2] int; or None."""
        return None if self.answered is None else self.answered.different


def train_run(
    config: Config, workdir: Workdir, catalog: Catalog, show: Show | None = None
) -> tuple[dict[str, Any], Embedder]:
    """Evaluates, trains, evaluates, and writes the files of the workdir.

    A run that was interrupted is resumed. Of several workers, all train, and the chief
    alone evaluates and writes. Mistakes in the settings and the data are found before
    the workdir is made. The catalogue has the products to report on, too.

    Returns:
      The content of `metrics.json`, and the trained Embedder.

    Raises:
      ValueError: If the settings, the catalogue or the workdir cannot be used.
      Interrupted: If the run was asked to stop; its state is saved.
      WorkerLostError: If another worker has stopped.
    """
    answers = command.find_files(config, ("answers",))["answers"]
    if answers:
        answers = kept_answers(workdir) or answers  # Of a run that is resumed.
    inputs = prepare_run(config, catalog, answers)
    with devices.watching_workers(inputs.strategy), contextlib.ExitStack() as stack:
        if devices.is_chief(inputs.strategy):
            # The others share its workdir, and write nothing there.
            workdir.path.mkdir(parents=True, exist_ok=True)
            stack.enter_context(only_writer(workdir.lock, workdir.path))
        return _train_prepared(config, workdir, inputs, show)


def prepare_run(
    config: Config, catalog: Catalog, answers: Sequence[str] = ()
) -> RunInputs:
    """Prepares devices and photos; ValueError if they do not fit the settings.

    `answers` are files of what people said of products.
    """
    strategy = devices.create(config.strategy, config.tpu)
    devices.make_repeatable(config.seed)
    # Set in either case: an earlier run of this process may have set another one.
    precision = config.mixed_precision
    keras.mixed_precision.set_global_policy(
        "float32" if precision == "none" else f"mixed_{precision}"
    )
    photos = photos_of(catalog, config, max(config.image_size, config.size_at_use))
    split = split_catalog(
        photos.catalog, config.train_split, config.eval_split, config.seed
    )
    train = photos.select(split.train)
    if len(train) < 2:
        raise UserError(
            f"{catalog.name}: of {len(photos):,} products whose photos can be used, "
            f"{len(train)} can be learned from ({split.source}), and training needs "
            "two at least. Bring more products, or name those to learn from in a "
            "column 'split'."
        )
    answered = None
    if answers:
        answered = read_answered_styles(answers, photos.catalog, split.train)
        train = train.with_styles(answered.styles)
    reported = photos.select(split.evaluation)
    inputs = RunInputs(strategy, train, reported, split.source, answered)
    if config.pseudo_labels == "none":
        # Raises if batches cannot be filled.
        build_order(config, train.catalog, inputs.different)
    return inputs


def _train_prepared(
    config: Config, workdir: Workdir, inputs: RunInputs, show: Show | None
) -> tuple[dict[str, Any], Embedder]:
    strategy, train, reported, source, answered = inputs
    is_chief = devices.is_chief(strategy)
    metrics = figures_so_far(workdir)
    products = None
    if is_chief:
        files = () if answered is None else answered.files
        products = open_run(config, workdir, train, reported, files)
        write_rejects(workdir.rejects, train.rejects)
    # Built before the baselines, which draw random numbers: a resumed run has none.
    with strategy.scope():
        method = build_method(config, build_embedder(config))
        optimizer = build_optimizer(config, method.constant_rate_variables)
        compile_method(method, config, optimizer, strategy)
        checkpoints = Checkpoints(workdir.checkpoints, method)
    current_embedder = _on_one_device(method.embedder, config, strategy)
    photos = _labelled(train, current_embedder(), config, workdir, strategy)
    if products is not None:
        checkpoints.cost.run = run_digest(workdir, products)
    if show and is_chief:
        with devices.one_device(config.strategy).scope():
            show.views(workdir.tensorboard, config, photos)

    # A run that is resumed has these figures.
    if "split" not in metrics:
        metrics = {"split": source, "parts": config.embedding == "parts"}
        if answered is not None:
            metrics["answers"] = answered.figures()
        untrained = current_embedder()
        if config.baselines and is_chief:
            baselines = _baselines(config, train, reported)
            before = _evaluate(untrained, "before", config, train, reported)
            _add_figures(metrics, baselines | {"before": before})
            pretrained = baselines["frozen_grey"].results
            _add_gain(metrics, "before", before.results, pretrained)
            _write_untrained(workdir, before, metrics)
        elif is_chief:
            workdir.write_metrics(metrics)

    # Read before the steps: that it is damaged is told at once.
    earlier = workdir.read_results(workdir.untrained) if is_chief else None
    probe = _probe(current_embedder, reported, config, is_chief)
    cost = fit(method, photos, config, checkpoints, workdir, probe, inputs.different)

    embedder = current_embedder()
    if is_chief:
        after = _evaluate(embedder, "after", config, train, reported)
        embedder = after.embedder
        _add_figures(metrics, {"after": after})
        _add_gain(metrics, "after", after.results, earlier)
        if after.trained_on:
            metrics["trained_on"] = after.trained_on
        metrics["training"] = cost
        _write_results(after, metrics, workdir, show)
    devices.in_all_workers(strategy, 0.0)  # Wait until all workers have finished.
    return metrics, embedder


def _on_one_device(
    embedder: Embedder, config: Config, strategy: tf.distribute.Strategy
) -> Callable[[], Embedder]:
    """Returns a function to the Embedder as it is now, on one device of this process.

    All workers, if there are several, have to call it.
    """
    if strategy.num_replicas_in_sync == 1:
        return lambda: embedder
    with devices.one_device(config.strategy).scope():
        copy = build_embedder(config)

    def refresh() -> Embedder:
        copy.set_weights(embedder.get_weights())
        return copy

    return refresh


def _labelled(
    train: Photos,
    embedder: Embedder,
    config: Config,
    workdir: Workdir,
    strategy: tf.distribute.Strategy,
) -> Photos:
    """Returns the photos to learn from, with pseudo-labels if these are asked for."""
    path = workdir.pseudo_labels
    if config.pseudo_labels == "none":
        return train
    if devices.is_chief(strategy) and not workdir.is_as_written(path):
        if path.exists():
            logging.warning("'%s' is damaged, and is written anew.", path)
        with (
            devices.one_device(config.strategy).scope(),
            workdir.writing(path) as (made,),
        ):
            write_pseudo_labels(made, embedder, train, config)
    devices.in_all_workers(strategy, 0.0)  # Wait until the chief has written them.
    return with_pseudo_labels(train, read_groups(str(path)), config)


def _add_figures(
    metrics: dict[str, Any], evaluations: Mapping[str, Evaluation]
) -> None:
    """Adds the figures of evaluations to those of a run, and their intervals."""
    for name, evaluation in evaluations.items():
        metrics[name] = evaluation.figures
        if evaluation.results is not None:
            intervals = metrics.setdefault("intervals", {})
            intervals[name] = evaluation.results.intervals()


def _add_gain(
    metrics: dict[str, Any],
    name: str,
    results: ProductResults | None,
    earlier: ProductResults | None,
) -> None:
    """Adds what the figures of a step gained over an earlier one, with intervals."""
    if results is None or earlier is None:
        return
    of_figures = compare_results(results, earlier)
    metrics.setdefault("gains", {})[name] = {
        figure: {key: of[key] for key in ("value", "low", "high")}
        for figure, of in of_figures.items()
    }


def _write_untrained(
    workdir: Workdir, before: Evaluation, metrics: dict[str, Any]
) -> None:
    """Writes what is measured before training, for a run that is resumed, too."""
    paths = [] if before.results is None else [workdir.untrained]
    with workdir.writing(*paths, workdir.metrics) as (*untrained, figures):
        if before.results is not None:
            before.results.write(untrained[0])
        write_json(figures, metrics)


def _baselines(
    config: Config, train: Photos, reported: Photos
) -> dict[str, Evaluation]:
    """Evaluates the pretrained network on photos in color and in grey."""
    evaluations = {}
    for color in ("rgb", "grey"):
        settings = dataclasses.replace(config, color_input=color, **_AS_PRETRAINED)
        # The same seed makes the same network, even if its weights are random.
        devices.make_repeatable(config.seed)
        with devices.one_device(config.strategy).scope():
            frozen = build_embedder(settings)
        name = f"frozen_{color}"
        evaluations[name] = _evaluate(frozen, name, settings, train, reported)
    return evaluations


def _evaluate(
    embedder: Embedder, name: str, config: Config, train: Photos, reported: Photos
) -> Evaluation:
    title, is_after = name.replace("_", " "), name == "after"
    with devices.one_device(config.strategy).scope():
        return evaluate_new(embedder, train, reported, config, title, is_after)


def _probe(
    current_embedder: Callable[[], Embedder],
    reported: Photos,
    config: Config,
    is_chief: bool,
) -> Callable[[], dict[str, float] | None] | None:
    """Returns a function that measures a sample of the reported products, not whitened.

    All workers have to call it; it returns figures to the chief alone. None if no two
    products of the sample are variants.
    """
    photos = reported.select(np.arange(min(config.probe_products, len(reported))))
    catalog = photos.catalog
    if not has_variants(catalog.style):
        return None
    # Its weights change: to convert them for each probe takes longer than it saves.
    model = Inference(current_embedder(), by_graph=True)

    def measure() -> dict[str, float] | None:
        current_embedder()
        if not is_chief:
            return None
        vectors = embed(model, photos, config.embed_batch_size)
        found = Embeddings.of_catalog(catalog, vectors)
        # Equal vectors are no copies of a photo here: each product has its own.
        figures = retrieval_figures(dataclasses.replace(found, image=found.product_id))
        return {
            "recall@1 in block": figures["recall_at_1_in_block"],
            "embedding_std": embedding_std(vectors),
        }

    return measure


def _write_results(
    after: Evaluation, metrics: dict[str, Any], workdir: Workdir, show: Show | None
) -> None:
    """Writes the trained Embedder and its figures, and prints the latter."""
    if show and after.embedded:
        show.vectors(workdir.tensorboard, *after.embedded)
    paths = [workdir.embedder, workdir.metrics]
    paths += [workdir.queries] if after.results is not None else []
    with workdir.writing(*paths) as (embedder, figures, *queries):
        after.embedder.save(embedder)
        write_json(figures, metrics)
        if after.results is not None:
            after.results.write(queries[0])
    print(f"\n{format_run(metrics)}")
    if after.recalls and after.recalls.warning():
        print(f"\n{after.recalls.warning()}")
    print(f"\nEverything is in '{workdir.path}'.")
