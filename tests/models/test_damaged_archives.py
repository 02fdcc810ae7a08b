"""Archives in place of an Embedder's that are damaged, or not what Keras writes."""

import io
import os
import struct
import zipfile

import pytest
from crafted_embedders import write_members

from cv_tf.models import Embedder, EmbedderFileError, read_archive


def _with_flag(content):
    """The bit that says that a member is encrypted, in both of its headers."""
    content = bytearray(content)
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


ARCHIVES_REFUSED = {
    "empty": lambda _: b"",
    "text": lambda _: b"<html>404</html>",
    "HDF5": lambda members: members["model.weights.h5"],
    "cut": lambda members: _zipped(members)[:-30],
    "cut in half": lambda members: _zipped(members)[: len(_zipped(members)) // 2],
    "beginning lost": lambda members: _zipped(members)[100:],
    "encrypted": lambda members: _with_flag(_zipped(members)),
    "compressed": lambda members: _zipped(members, compression=zipfile.ZIP_DEFLATED),
    "without weights": lambda members: _zipped(members, drop="model.weights.h5"),
    "without a description": lambda members: _zipped(members, drop="config.json"),
    "with assets": lambda members: _zipped(members, add={"assets/a": b""}),
    "with a way out": lambda members: _zipped(members, add={"../../a": b""}),
    "with an absolute path": lambda members: _zipped(members, add={"/tmp/a": b""}),
    "with weights of another kind": lambda members: _zipped(
        members, drop="model.weights.h5", add={"model.weights.npz": b""}
    ),
    "with wrong JSON": lambda members: _zipped(members, add={"config.json": b"{"}),
    "with no text": lambda members: _zipped(
        members, add={"config.json": b"\xff\xfe\0"}
    ),
    "with deep JSON": lambda members: _zipped(
        members, add={"config.json": b"[" * 10**6}
    ),
    "with long numbers": lambda members: _zipped(
        members, add={"config.json": b'{"a": ' + b"9" * 10**5 + b"}"}
    ),
    "with a long description": lambda members: _zipped(
        members, add={"config.json": b" " * (2**22 + 1)}
    ),
    "with a key twice": lambda members: _zipped(
        members, add={"config.json": members["config.json"][:-1] + b', "config": {}}'}
    ),
    "with wrong metadata": lambda members: _zipped(
        members, add={"metadata.json": b"{"}
    ),
    "with weights that are no HDF5": lambda members: _zipped(
        members, add={"model.weights.h5": b"\x89HDF\r\n\x1a\n" + bytes(100)}
    ),
}


def _zipped(members, drop="", add=None, **options):
    members = {name: value for name, value in members.items() if name != drop}
    buffer = io.BytesIO()
    write_members(buffer, members | (add or {}), **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ARCHIVES_REFUSED)
def test_archives_that_are_refused(kind, path, members):
    path.write_bytes(ARCHIVES_REFUSED[kind](members))
    with pytest.raises(
        EmbedderFileError, match=r"embedder\.keras.*Copy the file again"
    ):
        Embedder.load(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_that_is_there_twice_is_refused(path, members):
    write_members(path, members)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("config.json", members["config.json"])
    with pytest.raises(EmbedderFileError, match="it holds the files"):
        Embedder.load(path)


def test_a_size_that_lies_is_refused(path, members):
    content = bytearray(_zipped(members))
    for at in range(len(content)):
        if content[at : at + 4] == b"PK\x01\x02":  # In the directory of members.
            content[at + 20 : at + 28] = struct.pack("<II", 2**32 - 2, 2**32 - 2)
    path.write_bytes(content)
    with pytest.raises(EmbedderFileError):
        Embedder.load(path)


def test_a_pipe_is_not_waited_for(path):
    os.mkfifo(path)
    with pytest.raises(FileNotFoundError):
        Embedder.load(path)
    with pytest.raises(EmbedderFileError, match="not a regular file"):
        read_archive(path)
