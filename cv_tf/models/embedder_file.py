"""Saves Embedders to files, and builds them again from files that are not trusted."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import tensorflow as tf
import tf_keras as keras

import cv_tf.models.backbones  # noqa: F401  (registers the layers of its own)
from cv_tf.atomic import whole_file
from cv_tf.errors import UserError, cause_of
from cv_tf.models.description import check_description
from cv_tf.models.embedder_archive import (
    EmbedderArchive,
    explain_reading,
    read_archive,
    write_archive,
)
from cv_tf.models.layer_names import numbered, repeatable, with_names

Model = TypeVar("Model", bound=keras.Model)

_SLACK = 2**20  # Bytes of variables that are not saved, such as states of dropout.
_SHOWN = 3


def save_embedder(embedder: keras.Model, path: str | os.PathLike[str]) -> None:
    """Writes an Embedder to a `.keras` file, which appears whole or not at all.

    The same Embedder gives the same bytes, whatever else the process has made.

    Raises:
      UserError: If it has layers that would not be read again.
    """
    try:
        told = json.dumps(keras.saving.serialize_keras_object(embedder))
        described = check_description(json.loads(told))
    except ValueError as error:
        raise UserError(
            f"The Embedder cannot be saved: {cause_of(error)}. Build its backbone of "
            "the plain layers of Keras, from which files are read again."
        ) from error
    weights: dict[str, np.ndarray] = {}
    for place, layer in _layers_by_place(embedder):
        store: dict[str, np.ndarray] = {}
        layer.save_own_variables(store)
        weights |= {f"{place}/vars/{name}": value for name, value in store.items()}
    archive = EmbedderArchive(with_names(described, repeatable), weights)
    with whole_file(Path(path)) as unfinished:
        write_archive(unfinished, archive, keras.__version__)


def load_embedder(
    path: str | os.PathLike[str], make: Callable[[dict[str, Any]], Model]
) -> Model:
    """Reads an Embedder from a `.keras` file, of which nothing is executed.

    Args:
      path: The file.
      make: Makes an Embedder of the settings in its description.

    Raises:
      EmbedderFileError: If the file is damaged, or holds more than plain layers and
        their weights.
      FileNotFoundError: If there is no file at the path.
    """
    archive = read_archive(path)
    with explain_reading(path):
        room = sum(array.nbytes for array in archive.weights.values()) + _SLACK
        try:
            with tf.variable_creator_scope(_Allowance(room).create):
                embedder = make(archive.description["config"])
        except UserError as error:  # Its words do not name the file.
            raise ValueError(cause_of(error)) from error
        _set_weights(embedder, dict(archive.weights))
        return embedder


class _Allowance:
    """Creates variables of zeros, as long as they are no larger than the file's."""

    def __init__(self, num_bytes: int):
        self._left = num_bytes

    def create(self, create: Callable[..., tf.Variable], **arguments) -> tf.Variable:
        """Creates a variable, as `tf.variable_creator_scope` asks for it."""
        shape, value = arguments.get("shape"), arguments.get("initial_value")
        dtype = arguments.get("dtype")
        if shape is not None and dtype is not None and callable(value):
            shape, dtype = tf.TensorShape(shape), tf.as_dtype(dtype)
            self._left -= shape.num_elements() * dtype.size
            if self._left < 0:
                raise ValueError("its layers ask for more weights than it holds")
            # Random ones would be drawn for nothing.
            arguments["initial_value"] = lambda: tf.zeros(shape, dtype)
        return create(**arguments)


def _layers_by_place(embedder: keras.Model) -> Iterator[tuple[str, keras.layers.Layer]]:
    """The layers with weights and their places in the file, as Keras names these."""
    visited: set[int] = set()
    if embedder.whitening is not None:
        visited.add(id(embedder.whitening))
        yield "whitening", embedder.whitening
    yield from _children(embedder, "layers", visited)


def _children(
    model: keras.Model, place: str, visited: set[int]
) -> Iterator[tuple[str, keras.layers.Layer]]:
    layers = [layer for layer in model.layers if id(layer) not in visited]
    visited |= {*map(id, layers)}
    names = numbered([type(layer).__name__ for layer in layers])
    for layer, name in zip(layers, names, strict=True):
        if isinstance(layer, keras.Model):
            yield from _children(layer, f"{place}/{name}/layers", visited)
        elif layer.weights:
            yield f"{place}/{name}", layer


def _set_weights(embedder: keras.Model, arrays: dict[str, np.ndarray]) -> None:
    """Gives all layers their weights, if these are just what the layers need.

    Raises:
      ValueError: If any are missing, left over, of another shape, or not finite.
    """
    of_layers = []
    for place, layer in _layers_by_place(embedder):
        store = {}
        for number, variable in enumerate(layer.weights):
            name, key = variable.name, f"{place}/vars/{number}"
            if (array := arrays.pop(key, None)) is None:
                raise ValueError(f"the weights '{name}' are missing ('{key}')")
            said = array.shape, array.dtype
            wanted = tuple(variable.shape), variable.dtype.as_numpy_dtype
            if said != wanted:
                raise ValueError(
                    f"the weights '{name}' are {_kind(*said)} instead of "
                    f"{_kind(*wanted)}"
                )
            if not np.isfinite(array).all():
                raise ValueError(f"the weights '{name}' are not all finite numbers")
            store[str(number)] = array
        of_layers.append((layer, store))
    if arrays:
        names = ", ".join(f"'{name[:100]}'" for name in sorted(arrays)[:_SHOWN])
        raise ValueError(f"it holds weights that no layer has: {names}")
    for layer, store in of_layers:
        layer.load_own_variables(store)


def _kind(shape: tuple[int, ...], dtype: Any) -> str:
    return f"{np.dtype(dtype).name} {list(shape)}"
