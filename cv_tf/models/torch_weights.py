"""Reads a legacy PyTorch weight file without PyTorch and without running its code."""

from __future__ import annotations

import io
import math
import os
import pickletools
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cv_tf.errors import UserError, cause_of
from cv_tf.files import FileError, read_bounded

_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_STORAGE_DTYPES: dict[str, np.dtype] = {
    "torch DoubleStorage": np.dtype("<f8"),
    "torch FloatStorage": np.dtype("<f4"),
    "torch HalfStorage": np.dtype("<f2"),
    "torch LongStorage": np.dtype("<i8"),
    "torch IntStorage": np.dtype("<i4"),
}
_ORDERED_DICT = "collections OrderedDict"
_TENSOR = "torch._utils _rebuild_tensor_v2"
_GLOBALS = {_ORDERED_DICT, _TENSOR, *_STORAGE_DTYPES}
_MOST_BYTES = 2**32  # Of a file.
_MOST_STEPS = 1_000_000  # Of a pickle.
_MOST_AXES = 32  # Of a tensor.


class WeightFileError(UserError):
    """The file is not a legacy PyTorch state dict of plain tensors."""


class _Global(NamedTuple):
    """A name that a pickle may use; it stands for itself."""

    name: str


class _Storage(NamedTuple):
    """Numbers in one row, which come after the pickles."""

    key: str
    dtype: np.dtype
    num_elements: int


class _TensorReference(NamedTuple):
    """The place of a tensor in a storage that has not been read yet."""

    storage: _Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def num_bytes(self) -> int:
        return math.prod(self.size) * self.storage.dtype.itemsize

    def resolve(self, values: np.ndarray) -> np.ndarray:
        """The tensor, from the numbers of its storage."""
        dtype = self.storage.dtype
        num_elements = math.prod(self.size)
        if not num_elements:
            return np.empty(self.size, dtype)
        steps = zip(self.size, self.stride, strict=True)
        last = self.offset + sum((extent - 1) * step for extent, step in steps)
        if last >= len(values):
            raise ValueError("a tensor reaches outside its storage")
        view = np.lib.stride_tricks.as_strided(
            values[self.offset :],
            shape=self.size,
            strides=[step * dtype.itemsize for step in self.stride],
            writeable=False,
        )
        return np.ascontiguousarray(view)


def read_state_dict(path: str | Path) -> dict[str, np.ndarray]:
    """Reads the arrays of a legacy (not zipped) PyTorch state dict, by their names.

    Nothing in it is executed: its pickles are read step by step, and whatever plain
    weights do not need is refused. No more memory is taken than the file is long.

    Raises:
      WeightFileError: If the file is another one, or damaged.
      OSError: If it cannot be read.
    """
    try:
        content = read_bounded(os.fspath(path), _MOST_BYTES)
    except FileError as error:
        raise WeightFileError(str(error)) from error
    try:
        return _read(io.BytesIO(content), len(content))
    except Exception as error:  # Damage makes nearly anything fail.
        raise WeightFileError(
            f"'{path}' is not a legacy PyTorch state dict: {cause_of(error)}. Install "
            "the package that it belongs to again."
        ) from error


def _read(file: io.BytesIO, length: int) -> dict[str, np.ndarray]:
    if _unpickle(file) != _MAGIC_NUMBER:
        raise ValueError("its magic number is wrong")
    _unpickle(file)  # The protocol version.
    _unpickle(file)  # The type sizes of the machine that wrote it.
    references, keys = _unpickle(file), _unpickle(file)
    wanted = _wanted_storages(references)
    if sum(reference.num_bytes for reference in references.values()) > length:
        raise ValueError("its tensors are larger than the file")
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise TypeError("it does not name its storages")
    if len(set(keys)) < len(keys) or set(keys) != set(wanted):
        raise ValueError("its storages are not those of its tensors")
    values = {}
    for key in keys:
        _, dtype, num_elements = wanted[key]
        if int.from_bytes(file.read(8), "little") != num_elements:
            raise ValueError(f"the storage '{key[:50]}' has another length")
        if num_elements * dtype.itemsize > length - file.tell():
            raise ValueError("it is truncated")
        data = file.read(num_elements * dtype.itemsize)
        values[key] = np.frombuffer(data, dtype, num_elements)
    arrays = {
        name: of.resolve(values[of.storage.key]) for name, of in references.items()
    }
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise ValueError(f"the numbers of '{name[:50]}' are not all finite")
    return arrays


def _wanted_storages(references: Any) -> dict[str, _Storage]:
    """The storages of all tensors by their keys; each has one type and length."""
    if not isinstance(references, dict):
        raise TypeError("it holds no tensors with names")
    wanted: dict[str, _Storage] = {}
    for name, reference in references.items():
        if not isinstance(name, str) or not isinstance(reference, _TensorReference):
            raise TypeError("it holds an object that is not a tensor")
        storage = reference.storage
        if math.prod(reference.size) > storage.num_elements:
            raise ValueError("a tensor reaches outside its storage")
        if wanted.setdefault(storage.key, storage) != storage:
            raise ValueError("a storage has two types or lengths")
    return wanted


def _unpickle(file: io.BytesIO) -> Any:
    """The numbers, texts, containers and tensors of the next pickle in a file.

    Python's own unpickler would call what is named, and take whatever memory a size or
    a place in a few bytes asks for.
    """
    machine = _PickleMachine()
    for number, (code, argument, _) in enumerate(pickletools.genops(file)):
        if number >= _MOST_STEPS:
            raise ValueError("its pickles are too long")
        machine.step(code.name, argument)
    return machine.pop()


class _PickleMachine:
    """Takes the steps of a pickle that plain weights need, and no others."""

    def __init__(self):
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}
        self._steps: dict[str, Callable[[], None]] = {
            "MARK": lambda: self._marks.append(len(self._stack)),
            "NONE": lambda: self._stack.append(None),
            "NEWTRUE": lambda: self._stack.append(True),
            "NEWFALSE": lambda: self._stack.append(False),
            "EMPTY_TUPLE": lambda: self._stack.append(()),
            "EMPTY_LIST": lambda: self._stack.append([]),
            "EMPTY_DICT": lambda: self._stack.append({}),
            "TUPLE": lambda: self._stack.append(tuple(self._since_mark())),
            "TUPLE1": lambda: self._stack.append(self._last(1)),
            "TUPLE2": lambda: self._stack.append(self._last(2)),
            "TUPLE3": lambda: self._stack.append(self._last(3)),
            "APPEND": lambda: self._extend(self._last(1)),
            "APPENDS": lambda: self._extend(self._since_mark()),
            "SETITEM": lambda: self._update(self._last(2)),
            "SETITEMS": lambda: self._update(self._since_mark()),
            "REDUCE": lambda: self._stack.append(_made(*self._last(2))),
            "BUILD": self._set_state,
            "BINPERSID": lambda: self._stack.append(_storage(self.pop())),
            "PROTO": lambda: None,
            "STOP": lambda: None,
        }

    def step(self, name: str, argument: Any) -> None:
        """Takes a step, named as in `pickletools`."""
        if name in ("BININT", "BININT1", "BININT2", "LONG1", "BINUNICODE"):
            self._stack.append(argument)
        elif name == "GLOBAL":
            if argument not in _GLOBALS:
                asked = argument.replace(" ", ".")[:100]
                raise ValueError(
                    f"it asks for '{asked}', which plain weights do not need"
                )
            self._stack.append(_Global(argument))
        elif name in ("BINPUT", "LONG_BINPUT"):
            self._memo[argument] = self._stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            self._stack.append(self._memo[argument])
        elif name in self._steps:
            self._steps[name]()
        else:
            raise ValueError(f"it has a step {name}, which plain weights do not need")

    def pop(self) -> Any:
        """Takes the last value."""
        return self._last(1)[0]

    def _last(self, number: int) -> tuple[Any, ...]:
        if number > len(self._stack):
            raise ValueError("its pickle takes more than there is")
        values = tuple(self._stack[-number:])
        del self._stack[-number:]
        return values

    def _since_mark(self) -> list[Any]:
        start = self._marks.pop()
        values = self._stack[start:]
        del self._stack[start:]
        return values

    def _extend(self, values: Any) -> None:
        if not isinstance(self._stack[-1], list):
            raise TypeError("its pickle appends to what is no list")
        self._stack[-1].extend(values)

    def _update(self, pairs: Any) -> None:
        names, values = pairs[::2], pairs[1::2]
        is_plain = all(isinstance(name, (str, int)) for name in names)
        if not isinstance(self._stack[-1], dict) or not is_plain:
            raise TypeError("its pickle has names that are no text")
        self._stack[-1].update(zip(names, values, strict=True))

    def _set_state(self) -> None:
        """Leaves out what is known of a dict beside its items."""
        self.pop()
        if not isinstance(self._stack[-1], dict):
            raise TypeError("its pickle changes what is no dict")


def _made(function: Any, arguments: Any) -> Any:
    """An empty dict or the reference of a tensor, as a pickle calls for them."""
    if function == _Global(_ORDERED_DICT) and arguments == ():
        return {}
    if function != _Global(_TENSOR) or not isinstance(arguments, tuple):
        raise ValueError("it calls what plain weights do not need")
    storage, offset, size, stride, *_ = arguments
    if not isinstance(storage, _Storage):
        raise TypeError("it holds a tensor without a storage")
    for numbers in ((offset,), size, stride):
        plain = isinstance(numbers, tuple) and len(numbers) <= _MOST_AXES
        if not plain or not all(type(number) is int for number in numbers):
            raise TypeError("it holds a tensor without a proper shape")
    if len(size) != len(stride) or min(size, default=0) < 0:
        raise ValueError("it holds a tensor without a proper shape")
    if min(offset, *stride, 0) < 0:
        raise ValueError("a tensor reaches outside its storage")
    return _TensorReference(storage, offset, size, stride)


def _storage(pid: Any) -> _Storage:
    """A storage, as a pickle names it."""
    if not isinstance(pid, tuple) or len(pid) != 6 or pid[0] != "storage":
        raise ValueError("it holds an object that is not a tensor")
    _, kind, key, _, num_elements, view = pid
    if view is not None:
        raise ValueError("it holds a view of another tensor")
    if not isinstance(kind, _Global) or kind.name not in _STORAGE_DTYPES:
        raise ValueError("it holds an object that is not a tensor")
    if not isinstance(key, str) or type(num_elements) is not int or num_elements < 0:
        raise ValueError("it holds a storage without a proper length")
    return _Storage(key, _STORAGE_DTYPES[kind.name], num_elements)
