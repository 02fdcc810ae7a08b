"""Reads a legacy PyTorch weight file without PyTorch and without running its code."""

from __future__ import annotations

import collections
import math
import pickle
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from cv_tf.errors import UserError

_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_STORAGE_DTYPES = {
    "DoubleStorage": np.dtype("<f8"),
    "FloatStorage": np.dtype("<f4"),
    "HalfStorage": np.dtype("<f2"),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
}


class WeightFileError(UserError):
    """The file is not a legacy PyTorch state dict of plain tensors."""


class _TensorReference:
    """The place of a tensor in a storage that has not been read yet."""

    def __init__(self, storage, offset, size, stride, *_):
        self.storage, self.offset = storage, offset
        self.size, self.stride = tuple(size), tuple(stride)

    def resolve(self, storages: dict[str, np.ndarray]) -> np.ndarray:
        key, dtype, _ = self.storage
        values = storages[key]
        steps = zip(self.size, self.stride, strict=True)
        last = self.offset + sum((extent - 1) * step for extent, step in steps)
        num_elements = math.prod(self.size)
        if not num_elements:
            return np.empty(self.size, dtype)
        inside = min((self.offset, *self.stride)) >= 0 and last < len(values)
        if not inside or num_elements > len(values):
            raise WeightFileError("a tensor reaches outside its storage")
        view = np.lib.stride_tricks.as_strided(
            values[self.offset :],
            shape=self.size,
            strides=[step * dtype.itemsize for step in self.stride],
            writeable=False,
        )
        return np.ascontiguousarray(view)


class _RestrictedUnpickler(pickle.Unpickler):
    """Builds dicts, numbers and tensor references; refuses every other global."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _TensorReference
        if module == "torch" and name in _STORAGE_DTYPES:
            return _STORAGE_DTYPES[name]
        raise WeightFileError(
            f"it asks for '{module}.{name}', which plain weights do not need"
        )

    def persistent_load(self, pid: Any) -> tuple[str, np.dtype, int]:
        kind, dtype, key, _, num_elements, view = pid
        if kind != "storage" or not isinstance(dtype, np.dtype):
            raise WeightFileError("it holds an object that is not a tensor")
        if view is not None:
            raise WeightFileError("it holds a view of another tensor")
        return key, dtype, num_elements


def read_state_dict(path: str | Path) -> dict[str, np.ndarray]:
    """Reads the arrays of a legacy (not zipped) PyTorch state dict, by their names.

    Nothing in it is executed: all globals except ordered dicts and tensors are refused.
    Raises WeightFileError for these, and if the file is another one or truncated.
    """
    with Path(path).open("rb") as file:
        try:
            return _read(file)
        except Exception as error:  # Unpickling a damaged file can raise nearly any.
            raise WeightFileError(
                f"'{path}' is not a legacy PyTorch state dict: {error}."
            ) from error


def _read(file: BinaryIO) -> dict[str, np.ndarray]:
    def load() -> Any:
        return _RestrictedUnpickler(file).load()

    if load() != _MAGIC_NUMBER:
        raise WeightFileError("its magic number is wrong")
    load()  # The protocol version.
    load()  # The type sizes of the machine that wrote it.
    references = load()
    dtypes = {ref.storage[0]: ref.storage[1] for ref in references.values()}
    storages = {}
    for key in load():
        num_elements = int.from_bytes(file.read(8), "little")
        data = file.read(num_elements * dtypes[key].itemsize)
        storages[key] = np.frombuffer(data, dtypes[key], num_elements)
    return {name: ref.resolve(storages) for name, ref in references.items()}
