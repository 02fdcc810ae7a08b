"""cv_tf finds color variants in fashion catalogues.

Color variants are products of one design that differ only in color. A network, the
`cv_tf.models.Embedder`, turns the photo of each product into a vector. It learns what
one design looks like from the photos alone, or from labelled groups. Products whose
vectors are near become groups.

**Commands.** Each is a module, run as `python -m cv_tf.train --help`, with a function
`run` that takes its settings and does the same from Python.

| command | does |
| --- | --- |
| `cv_tf.train` | trains an Embedder, and says how good it is |
| `cv_tf.evaluate` | says how good an Embedder is on a labelled catalogue |
| `cv_tf.compare` | trains several recipes with several seeds, side by side |
| `cv_tf.embed` | turns the photos of a catalogue into vectors |
| `cv_tf.group` | turns vectors into groups |
| `cv_tf.search` | finds the nearest products of a product, or of a photo |
| `cv_tf.inspect` | shows the views that a model learns from, the parts it compares |
| `cv_tf.export` | writes an Embedder for use without this package |
| `cv_tf.prepare` | prepares a public data set |

**Rooms.** Each uses only those that stand above it.

| room | holds |
| --- | --- |
| `cv_tf.config` | every setting of training and evaluation |
| `cv_tf.catalog` | tables of products, their checks, data sets |
| `cv_tf.shards` | long work in parts, here or on a cluster |
| `cv_tf.pipeline` | from products to uint8 batches |
| `cv_tf.vision` | views and parts of images, on the device |
| `cv_tf.strategy` | devices and replicas; nothing else knows of them |
| `cv_tf.models` | backbones, heads, whitening, the Embedder |
| `cv_tf.losses` | NT-Xent, InfoNCE, supervised contrast, triplets |
| `cv_tf.methods` | ways to learn: a method is views, heads and a loss |
| `cv_tf.retrieval` | nearest neighbors, exact or with ScaNN |
| `cv_tf.embeddings` | from a catalogue's photos to a file of vectors |
| `cv_tf.grouping` | from vectors to groups, and the threshold |
| `cv_tf.metrics` | figures of retrieval and of groups |
| `cv_tf.training` | steps, checkpoints, optimizers, evaluation |
| `cv_tf.deployment` | SavedModel, TFLite and ONNX files |
| `cv_tf.inspection` | what a model sees |
| `cv_tf.comparison` | recipes side by side |
| `cv_tf.report` | pages and pictures |

Importing this package costs nothing: TensorFlow is loaded by the rooms that compute,
never by this file. It asks TensorFlow for the Keras 2 API, so it has to be imported
before TensorFlow.
"""

import os
import sys

import lazy_loader

__version__ = "0.1.0"


def _select_keras_2() -> None:
    """Asks TensorFlow for the Keras 2 API (`tf_keras`) before it is loaded.

    Raises:
      ImportError: If Keras 3 was already bound to TensorFlow in this process.
    """
    if os.environ.get("TF_USE_LEGACY_KERAS", "1").lower() not in ("1", "true"):
        raise ImportError(
            "cv_tf needs the Keras 2 API, but TF_USE_LEGACY_KERAS="
            f"{os.environ['TF_USE_LEGACY_KERAS']!r} asks TensorFlow for Keras 3. "
            "Unset it, or set it to 1, before Python starts."
        )
    loaded = sys.modules.get("keras")
    version = getattr(loaded, "__version__", "2") if loaded else "2"
    if version.startswith("3") and "TF_USE_LEGACY_KERAS" not in os.environ:
        raise ImportError(
            f"cv_tf needs the Keras 2 API (tf_keras), but Keras {version} was "
            "imported before cv_tf. Import cv_tf first, or set the environment "
            "variable TF_USE_LEGACY_KERAS=1 before Python starts."
        )
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


_select_keras_2()

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
