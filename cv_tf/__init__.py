"""Find color variants in fashion catalogues: products that differ only in color.

A network, the `cv_tf.Embedder`, turns the photo of each product into a vector. It
learns what one design looks like from the photos alone, or from labelled groups.
Products whose vectors are near become groups.

```python
import cv_tf

embedder = cv_tf.Embedder.load("runs/my/embedder.keras")
products = cv_tf.embed_photos("photos", embedder)
print(cv_tf.find_groups(products).summary())
```

**Commands.** Each is a module, run as `python -m cv_tf.train --help`, with a function
`run` that takes its settings and does the same from Python:
`cv_tf.train.run(cv_tf.Config(catalog="my.csv", workdir="runs/my"))`.

| command | does |
| --- | --- |
| `cv_tf.train` | trains an Embedder, and says how good it is |
| `cv_tf.evaluate` | says how good an Embedder, vectors or groups are |
| `cv_tf.compare` | trains several recipes with several seeds, side by side |
| `cv_tf.embed` | turns the photos of a catalogue into vectors |
| `cv_tf.group` | turns vectors into groups |
| `cv_tf.update` | does both again for today's catalogue, each night |
| `cv_tf.review` | asks people about groups, and keeps what they say |
| `cv_tf.search` | finds the nearest products of a product, or of a photo |
| `cv_tf.inspect` | shows the views that a model learns from, the parts it compares |
| `cv_tf.export` | writes an Embedder for use without this package |
| `cv_tf.prepare` | prepares a public data set |

**Parts of the package.** Losses are in `cv_tf.losses`, Keras layers in `cv_tf.layers`,
methods of learning in `cv_tf.methods`, nearest neighbors in `cv_tf.retrieval`, groups
in `cv_tf.grouping`, figures in `cv_tf.metrics`. ARCHITECTURE.md has them all.

Importing this package costs nothing: what is named here is loaded when it is first
used. It asks TensorFlow for the Keras 2 API, so it has to be imported before
TensorFlow.
"""

import os
import sys

import lazy_loader

__version__ = "0.2.0"


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
