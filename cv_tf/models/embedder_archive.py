"""The `.keras` file of an Embedder: a description of its layers, and their weights.

Reading one needs no TensorFlow, and nothing in it is executed or trusted: it is read
into memory once, and what is checked there is what is used.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import math
import os
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cv_tf.errors import UserError, reading
from cv_tf.files import FileError, read_bounded
from cv_tf.models.description import check_description
from cv_tf.models.layer_names import places, with_names

# The members of the archive, and the most bytes of each.
_METADATA, _CONFIG, _WEIGHTS = "metadata.json", "config.json", "model.weights.h5"
_MOST_BYTES = {_METADATA: 2**16, _CONFIG: 2**22, _WEIGHTS: 2**32}
_MOST_ARRAYS = 100_000
_MOST_NESTED = 64  # Groups in groups.
# All that a file has a date for is dated to the first day that a zip file can tell.
_DATE = (1980, 1, 1, 0, 0, 0)
_DATE_SAVED = "1980-01-01@00:00:00"
# Settings of layers that say how they are trained: vectors do not depend on them.
_OF_TRAINING = ("initializer", "regularizer", "constraint")


class EmbedderFileError(UserError):
    """A file does not hold an Embedder that can be read."""


@dataclasses.dataclass(frozen=True)
class EmbedderArchive:
    """What the file of an Embedder holds.

    Attributes:
      description: What `check_description` returns.
      weights: Arrays by their places, such as "layers/functional/layers/conv2d/vars/0".
      is_dated: Whether the file has the date and the automatic names of the process
        that saved it, as Keras writes them: equal Embedders have other bytes.
    """

    description: dict[str, Any]
    weights: dict[str, np.ndarray]
    is_dated: bool = False

    def fingerprint(self) -> str:
        """SHA-256 of all that vectors depend on: not of names, dates, or training."""
        told = _without_training(with_names(self.description, places))
        digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
        for place, array in sorted(self.weights.items()):
            digest.update(f"{place} {array.dtype.str} {array.shape} ".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


def explain_reading(path: str | os.PathLike[str]) -> Any:
    """Turns whatever is raised within the block into an EmbedderFileError."""
    return reading(
        path,
        "an Embedder",
        "That is a .keras file of plain layers and their weights, as training writes "
        "it. Copy the file again, or train again.",
        EmbedderFileError,
    )


def read_archive(path: str | os.PathLike[str]) -> EmbedderArchive:
    """Reads the file of an Embedder.

    Raises:
      EmbedderFileError: If it is damaged, or holds more than plain layers and weights.
      FileNotFoundError: If there is no file at the path.
    """
    with explain_reading(path):
        members = _read_members(Path(path))
        metadata = _parse_json(members[_METADATA])
        if not isinstance(metadata, dict):
            raise TypeError(f"its {_METADATA} is no object")
        return EmbedderArchive(
            check_description(_parse_json(members[_CONFIG])),
            _read_weights(members[_WEIGHTS]),
            metadata.get("date_saved") != _DATE_SAVED,
        )


def write_archive(path: Path, archive: EmbedderArchive, keras_version: str) -> None:
    """Writes the file of an Embedder; equal ones have equal bytes."""
    metadata = {"keras_version": keras_version, "date_saved": _DATE_SAVED}
    members = {
        _METADATA: json.dumps(metadata).encode(),
        _CONFIG: json.dumps(archive.description).encode(),
        _WEIGHTS: _to_hdf5(archive.weights),
    }
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            about = zipfile.ZipInfo(name, _DATE)
            about.create_system, about.external_attr = 3, 0o644 << 16
            file.writestr(about, content)


def _without_training(value: Any) -> Any:
    """A description without what only building and training depend on."""
    if isinstance(value, list):
        return [*map(_without_training, value)]
    if not isinstance(value, dict):
        return value
    return {
        key: _without_training(one)
        for key, one in value.items()
        if key not in ("build_config", "seed", "trainable")
        and key.rpartition("_")[2] not in _OF_TRAINING
    }


def _read_members(path: Path) -> dict[str, bytes]:
    """The content of the three files in the archive."""
    most = sum(_MOST_BYTES.values())
    try:
        content = read_bounded(os.fspath(path), most)
    except FileError as error:
        raise ValueError(
            f"it is not a regular file of at most {most:,} bytes: it {error.reason}"
        ) from error
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
        if sorted(member.filename for member in members) != sorted(_MOST_BYTES):
            names = [member.filename[:50] for member in members[:5]]
            raise ValueError(f"it holds the files {names} instead of {[*_MOST_BYTES]}")
        for member in members:
            if member.flag_bits & 1 or member.compress_type != zipfile.ZIP_STORED:
                raise ValueError(f"its {member.filename} is compressed or encrypted")
            if member.file_size > _MOST_BYTES[member.filename]:
                raise ValueError(f"its {member.filename} is too large")
        # Each is checked against its checksum.
        return {member.filename: archive.read(member) for member in members}


def _parse_json(content: bytes) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError("its JSON has a key twice")
        return found

    return json.loads(content, object_pairs_hook=once)


def _read_weights(content: bytes) -> dict[str, np.ndarray]:
    """The arrays of an HDF5 file, which share the memory of its content.

    Only plain groups and unpacked arrays of numbers are read. Whatever else HDF5 can
    refer to (other files, other places, objects, filters) is refused.
    """
    import h5py  # noqa: PLC0415 (fingerprints of tables do without it)

    arrays: dict[str, np.ndarray] = {}
    with h5py.File(io.BytesIO(content), "r") as file:
        for place, dataset in _datasets(h5py, file):
            settings = dataset.id.get_create_plist()
            start = dataset.id.get_offset()
            size = math.prod(dataset.shape) * dataset.dtype.itemsize
            is_plain = (
                settings.get_layout() == h5py.h5d.CONTIGUOUS
                and settings.get_external_count() == 0
                and settings.get_nfilters() == 0
                and dataset.dtype.kind in "fiu"
                and dataset.dtype.isnative
            )
            if not is_plain:
                raise ValueError(f"its weights '{place}' are not a plain array")
            if size and (start is None or not 0 <= start <= len(content) - size):
                raise ValueError(f"its weights '{place}' reach outside the file")
            count = math.prod(dataset.shape)
            array = np.frombuffer(content, dataset.dtype, count, start if size else 0)
            arrays[place] = array.reshape(dataset.shape)
    if sum(array.nbytes for array in arrays.values()) > len(content):
        raise ValueError("its weights overlap")
    return arrays


def _datasets(h5py: Any, file: Any) -> Iterator[tuple[str, Any]]:
    """The places and arrays of all groups."""
    waiting, num_seen = [("", file)], 0
    while waiting:
        place, group = waiting.pop()
        for name in group:
            inner, num_seen = f"{place}/{name}" if place else name, num_seen + 1
            if num_seen > _MOST_ARRAYS or inner.count("/") > _MOST_NESTED:
                raise ValueError("its weights are too many, or nested too deeply")
            if type(group.get(name, getlink=True)) is not h5py.HardLink:
                raise ValueError(f"its weights '{inner[:200]}' are a link")
            value = group[name]
            if isinstance(value, h5py.Group):
                waiting.append((inner, value))
            elif type(value) is h5py.Dataset and value.shape is not None:
                yield inner, value
            else:
                raise ValueError(f"its weights '{inner[:200]}' are not a plain array")


def _to_hdf5(weights: Mapping[str, np.ndarray]) -> bytes:
    import h5py  # noqa: PLC0415

    buffer = io.BytesIO()
    with h5py.File(buffer, "w", libver=("earliest", "v110")) as file:
        file.create_group("vars")  # Keras asks for the model's own.
        for place, array in weights.items():
            file.create_dataset(place, data=array, track_times=False)
    return buffer.getvalue()
