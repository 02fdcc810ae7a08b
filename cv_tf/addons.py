"""Makes tensorflow-addons importable beside TensorFlow 2.20 and `tf_keras`."""

from __future__ import annotations

import contextlib
import importlib
import sys
import warnings
from collections.abc import Iterator
from types import ModuleType

# Keras 2 modules that tensorflow-addons 0.23 looks for under Keras's name.
_MOVED_MODULES = ("engine", "engine.keras_tensor", "utils.tf_utils")


def import_addons() -> ModuleType:
    """Imports and returns `tensorflow_addons`.

    Returns:
      The module, as if by `import tensorflow_addons as tfa`.

    Raises:
      ImportError: If it is not installed, or cannot be on this Python.
    """
    if "tensorflow_addons" in sys.modules:
        return sys.modules["tensorflow_addons"]
    with _keras_2_names(), warnings.catch_warnings():
        # It announces its end of life and the TensorFlow versions it was tested on.
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module("tensorflow_addons")
        except ImportError as error:
            raise ImportError(_advice(error)) from error


@contextlib.contextmanager
def _keras_2_names() -> Iterator[None]:
    """Lets `keras.src.<name>` mean `tf_keras.src.<name>` for the moved modules."""
    aliases = {
        f"keras.src.{name}": importlib.import_module(f"tf_keras.src.{name}")
        for name in _MOVED_MODULES
    }
    before = {name: sys.modules.get(name) for name in aliases}
    sys.modules.update(aliases)
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def _advice(error: ImportError) -> str:
    if sys.version_info >= (3, 12):
        version = ".".join(map(str, sys.version_info[:2]))
        remedy = (
            "its last release, 0.23, is for Python 3.11 and older, and this is Python "
            f"{version}. Use cv_tf's own losses, which give the same values, or "
            "Python 3.11"
        )
    elif error.name == "tensorflow_addons":
        remedy = "it is not installed. Run: pip install 'cv_tf[addons]'"
    else:
        remedy = f"{error}. Run: pip install --force-reinstall 'cv_tf[addons]'"
    return f"tensorflow-addons cannot be imported: {remedy}."
