"""cv_tf finds colour variants in fashion catalogues.

Importing this package costs nothing: TensorFlow is loaded by the rooms that
compute (`cv_tf.models`, `cv_tf.losses`, ...), never by this file.
"""

import os
import sys

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
