"""One training from beginning to end: before, training, after."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tf_keras as keras

from cv_tf import strategy as devices
from cv_tf.catalog import Catalog
from cv_tf.config import Config
from cv_tf.embeddings import compiled, embed
from cv_tf.files import whole_file
from cv_tf.grouping import read_groups
from cv_tf.methods import build_embedder, build_method
from cv_tf.metrics import embedding_std, format_run, retrieval_figures
from cv_tf.models import Embedder
from cv_tf.pipeline import Photos, photos_of, write_rejects
from cv_tf.training.checkpoints import Checkpoints
from cv_tf.training.embedder_evaluation import Evaluation, evaluate_new, has_variants
from cv_tf.training.fit import build_order, compile_method, fit
from cv_tf.training.optimizers import build_optimizer
from cv_tf.training.pseudo_labels import with_pseudo_labels, write_pseudo_labels
from cv_tf.training.splits import split_catalog
from cv_tf.training.workdir import Workdir

# Baselines that are reported beside the model: the pretrained network, as is.
_BASELINES = {"frozen_rgb": "rgb", "frozen_grey": "grey"}
_AS_IS = {
    "feature_stride": 32,
    "frozen_stride": 0,
    "embedding": "whole",
    "average": "none",
    "whiten": "none",
}


class Show(NamedTuple):
    """What shows people a run; each is given the folder of TensorBoard first.

    Attributes:
      views: Shows what is learned from: the settings, and the photos. Called whenever
        the run is begun or gone on with.
      vectors: Shows what comes out: photos and their vectors. Called at the end.
    """

    views: Callable[[Path, Config, Photos], None]
    vectors: Callable[[Path, Photos, np.ndarray], None]


class Session:
    """Everything a run needs, made once.

    Args:
      config: All settings.
      workdir: Made, or gone on with, when the run begins.
      catalog: The products.
      show: Shows people what is learned from and what comes out; None for nothing.
    """

    def __init__(
        self,
        config: Config,
        workdir: Workdir,
        catalog: Catalog,
        show: Show | None = None,
    ):
        self.config, self.workdir, self.show = config, workdir, show
        self.strategy = devices.create(config.strategy, config.tpu)
        self.one_device = devices.one_device(config.strategy)
        self.is_chief = devices.is_chief(self.strategy)
        devices.make_repeatable(config.seed)
        # Set in either case: an earlier run of this process may have left its own.
        precision = config.mixed_precision
        keras.mixed_precision.set_global_policy(
            "float32" if precision == "none" else f"mixed_{precision}"
        )
        photos = photos_of(catalog, config, max(config.image_size, config.size_at_use))
        split = split_catalog(
            photos.catalog, config.train_split, config.eval_split, config.seed
        )
        self.split_source = split.source
        self.train = photos.select(split.train)
        self.reported = photos.select(split.evaluation)
        if config.pseudo_labels == "none":
            # Fails now if batches cannot be filled.
            build_order(config, self.train.catalog)

    def run(self) -> tuple[dict[str, Any], Embedder]:
        """Evaluates, trains, evaluates, and writes what the workdir shall hold.

        Of several workers, all train, and the chief alone evaluates and writes.

        Raises:
          WorkerLostError: If another worker is gone.
        """
        with devices.watching_workers(self.strategy):
            return self._run()

    def _run(self) -> tuple[dict[str, Any], Embedder]:
        config, workdir = self.config, self.workdir
        metrics = workdir.read_metrics()
        if self.is_chief:
            workdir.open(config)
            write_rejects(workdir.rejects, self.train.rejects)
        with self.strategy.scope():
            embedder = build_embedder(config)
            # Built before the baselines, which draw random numbers of their own: a run
            # that is gone on with makes no baselines.
            method = build_method(config, embedder)
            optimizer = build_optimizer(config, method.constant_rate_variables)
            compile_method(method, config, optimizer, self.strategy)
            checkpoints = Checkpoints(workdir.checkpoints, method)
        on_one_device = self._copies(embedder)
        photos = self._labelled(on_one_device())
        if self.show and self.is_chief:
            with self.one_device.scope():
                self.show.views(workdir.tensorboard, config, photos)
        if "split" not in metrics:
            metrics = {"split": self.split_source}
            if config.baselines:
                metrics |= self._before(on_one_device())
            if self.is_chief:
                workdir.write_metrics(metrics)
        cost = fit(
            method,
            photos,
            config,
            checkpoints,
            workdir,
            self._probe(on_one_device),
        )
        embedder = on_one_device()
        if self.is_chief:
            after = self._evaluate(embedder, "after")
            embedder = after.embedder
            save_embedder(embedder, workdir.embedder)
            if self.show and after.embedded:
                self.show.vectors(workdir.tensorboard, *after.embedded)
            metrics |= {"after": after.figures}
            if after.trained_on:
                metrics |= {"trained_on": after.trained_on}
            metrics |= {"training": cost}
            workdir.write_metrics(metrics)
            print(f"\n{format_run(metrics)}")
            if after.recalls and after.recalls.warning():
                print(f"\n{after.recalls.warning()}")
            print(f"\nEverything is in '{workdir.path}'.")
        devices.in_all_workers(self.strategy, 0.0)  # None leaves before the others.
        return metrics, embedder

    def _labelled(self, embedder: Embedder) -> Photos:
        """What is learned from: with pseudo-labels, where they are asked for."""
        config, path = self.config, self.workdir.pseudo_labels
        if config.pseudo_labels == "none":
            return self.train
        if self.is_chief and not path.is_file():
            with self.one_device.scope():
                write_pseudo_labels(path, embedder, self.train, config)
        devices.in_all_workers(self.strategy, 0.0)  # The others read what it wrote.
        return with_pseudo_labels(self.train, read_groups(str(path)), config)

    def _copies(self, embedder: Embedder) -> Callable[[], Embedder]:
        """A function to the Embedder as it is now, on one device of this process."""
        if self.strategy.num_replicas_in_sync == 1:
            return lambda: embedder
        with self.one_device.scope():
            copy = build_embedder(self.config)

        def refresh() -> Embedder:
            copy.set_weights(embedder.get_weights())
            return copy

        return refresh

    def _before(self, embedder: Embedder) -> dict[str, dict[str, float]]:
        """The baselines, and the recipe's own Embedder before it learns."""
        if not self.is_chief:
            return {}
        figures = {}
        for name, color in _BASELINES.items():
            config = dataclasses.replace(self.config, color_input=color, **_AS_IS)
            # The same seed makes the same network, also where its weights are random.
            devices.make_repeatable(config.seed)
            with self.one_device.scope():
                frozen = build_embedder(config)
            figures[name] = self._evaluate(frozen, name, config).figures
        return figures | {"before": self._evaluate(embedder, "before").figures}

    def _evaluate(
        self, embedder: Embedder, name: str, config: Config | None = None
    ) -> Evaluation:
        with self.one_device.scope():
            return evaluate_new(
                embedder,
                self.train,
                self.reported,
                config or self.config,
                name.replace("_", " "),
                measure_known=name == "after",
            )

    def _probe(
        self, on_one_device: Callable[[], Embedder]
    ) -> Callable[[], dict[str, float] | None] | None:
        """What is measured along the way: a sample, without whitening."""
        if not len(self.reported):
            return None
        size = min(self.config.probe_products, len(self.reported))
        photos = self.reported.select(np.arange(size))
        catalog = photos.catalog
        if not has_variants(catalog.style):
            return None

        model = compiled(on_one_device(), photos.image_size)

        def measure() -> dict[str, float] | None:
            on_one_device()
            if not self.is_chief:
                return None
            vectors = embed(model, photos, self.config.embed_batch_size)
            figures = retrieval_figures(vectors, catalog.style, catalog.block)
            return {
                "recall@1 in block": figures["recall_at_1_in_block"],
                "embedding_std": embedding_std(vectors),
            }

        return measure


def save_embedder(embedder: Embedder, path: Path) -> None:
    """Writes an Embedder that appears whole or not at all."""
    with whole_file(path) as unfinished:
        embedder.save(unfinished)
