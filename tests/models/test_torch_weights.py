import collections
import os
import pickle
import sys
import types

import numpy as np
import pytest

from cv_tf.models.torch_weights import WeightFileError, read_state_dict

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C


class Storage:
    """Numbers in one row; tensors look at them."""

    def __init__(self, key, values, dtype, view=None):
        self.key, self.values, self.dtype, self.view = key, values, dtype, view


class Tensor:
    """Pickles as PyTorch does it."""

    def __init__(self, storage, offset, size, stride):
        self.arguments = (storage, offset, size, stride, False, {})

    def __reduce__(self):
        return sys.modules["torch._utils"]._rebuild_tensor_v2, self.arguments


class Pickler(pickle.Pickler):
    def persistent_id(self, thing):
        if not isinstance(thing, Storage):
            return None
        kind = getattr(sys.modules["torch"], thing.dtype)
        return "storage", kind, thing.key, "cpu", len(thing.values), thing.view


@pytest.fixture
def write(monkeypatch, tmp_path):
    """Writes a state dict as `torch.save` did before PyTorch 1.6."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for kind in ("Double", "Float", "Half", "Long", "Int", "Byte"):
        name = f"{kind}Storage"
        setattr(torch, name, type(name, (), {"__module__": "torch"}))

    def _rebuild_tensor_v2(*arguments):
        raise AssertionError("the file's own function was called")

    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)

    def write(state, *storages, magic_number=MAGIC_NUMBER, keys=None):
        path = tmp_path / "weights.pth"
        with path.open("wb") as file:
            sizes = {"little_endian": True, "type_sizes": {}}
            for thing in (magic_number, 1001, sizes, state):
                Pickler(file, protocol=2).dump(thing)
            keys = [storage.key for storage in storages] if keys is None else keys
            Pickler(file, protocol=2).dump(keys)
            for storage in storages:
                file.write(len(storage.values).to_bytes(8, "little"))
                file.write(np.asarray(storage.values).tobytes())
        return path

    return write


@pytest.fixture
def six():
    return Storage("7", np.arange(6, dtype="<f4"), "FloatStorage")


@pytest.mark.parametrize(
    ("offset", "size", "stride", "expected"),
    [
        (0, (2, 3), (3, 1), [[0, 1, 2], [3, 4, 5]]),
        # A transposed tensor: the rows lie apart by 1, the columns by 3.
        (0, (3, 2), (1, 3), [[0, 3], [1, 4], [2, 5]]),
        (1, (2,), (3,), [1, 4]),
        (5, (1, 1), (6, 6), [[5]]),
        (2, (), (), 2),
        (0, (3,), (0,), [0, 0, 0]),
        (6, (0, 3), (3, 1), np.empty((0, 3))),
    ],
)
def test_tensors_are_read_by_their_strides(write, six, offset, size, stride, expected):
    state = read_state_dict(write({"a": Tensor(six, offset, size, stride)}, six))
    assert list(state) == ["a"]
    assert state["a"].dtype == np.float32
    assert state["a"].flags.c_contiguous
    np.testing.assert_array_equal(state["a"], expected)


@pytest.mark.parametrize(
    ("storage_type", "dtype"),
    [
        ("DoubleStorage", "<f8"),
        ("FloatStorage", "<f4"),
        ("HalfStorage", "<f2"),
        ("LongStorage", "<i8"),
        ("IntStorage", "<i4"),
    ],
)
def test_numbers_are_read_in_their_own_type(write, storage_type, dtype):
    storage = Storage("0", np.array([1, -2, 100], dtype), storage_type)
    state = read_state_dict(write({"a": Tensor(storage, 0, (3,), (1,))}, storage))
    assert state["a"].dtype == np.dtype(dtype)
    np.testing.assert_array_equal(state["a"], [1, -2, 100])


def test_names_keep_their_order_and_tensors_may_share_a_storage(write, six):
    other = Storage("3", np.array([8.0], "<f8"), "DoubleStorage")
    state = collections.OrderedDict(
        z=Tensor(six, 0, (2,), (1,)),
        a=Tensor(other, 0, (1,), (1,)),
        m=Tensor(six, 4, (2,), (1,)),
    )
    read = read_state_dict(write(state, other, six))
    assert {name: array.tolist() for name, array in read.items()} == {
        "z": [0, 1],
        "a": [8],
        "m": [4, 5],
    }
    assert list(read) == ["z", "a", "m"]


class Command:
    """Pickles as a call of what it is given."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("hidden_in", ["magic number", "state"])
def test_a_file_made_to_run_commands_is_refused(write, six, tmp_path, hidden_in):
    marker = tmp_path / "was-here"
    command = Command(os.system, f"touch {marker}")
    if hidden_in == "state":
        state = {"a": Tensor(six, 0, (6,), (1,)), "b": command}
        path = write(state, six)
    else:
        path = write({}, magic_number=command)
    with pytest.raises(WeightFileError, match=r"asks for '(posix|nt)\.system'"):
        read_state_dict(path)
    assert not marker.exists()


def test_the_commands_of_these_tests_are_real(write, tmp_path):
    marker = tmp_path / "was-here"
    path = write({}, magic_number=Command(os.system, f"touch {marker}"))
    with path.open("rb") as file:
        pickle.Unpickler(file).load()
    assert marker.exists()


@pytest.mark.parametrize("function", [eval, getattr, collections.Counter, np.dtype])
def test_harmless_names_are_refused_as_well(write, function):
    with pytest.raises(WeightFileError, match=f"{function.__name__}', which plain"):
        read_state_dict(write({"a": Command(function, "f4")}))


@pytest.mark.parametrize(
    ("offset", "size", "stride"),
    [
        (0, (7,), (1,)),
        (1, (2, 3), (3, 1)),
        (6, (), ()),
        (-1, (2,), (1,)),
        (5, (2,), (-1,)),
        # One number, a million times over: memory for nothing.
        (0, (1000, 1000), (0, 0)),
    ],
)
def test_a_tensor_that_reaches_outside_its_storage_is_refused(
    write, six, offset, size, stride
):
    with pytest.raises(WeightFileError, match="reaches outside its storage"):
        read_state_dict(write({"a": Tensor(six, offset, size, stride)}, six))


@pytest.mark.parametrize(
    ("size", "stride"), [((-1, -6), (1, 1)), ((2, 3), (1,)), (("2",), (1,))]
)
def test_a_tensor_without_a_proper_shape_is_refused(write, six, size, stride):
    with pytest.raises(WeightFileError, match=r"'.*weights\.pth' is not a legacy"):
        read_state_dict(write({"a": Tensor(six, 0, size, stride)}, six))


def test_a_number_of_an_empty_storage_is_refused(write):
    empty = Storage("0", np.empty(0, "<f4"), "FloatStorage")
    with pytest.raises(WeightFileError, match="outside its storage"):
        read_state_dict(write({"a": Tensor(empty, 0, (), ())}, empty))


def test_every_file_that_is_cut_short_is_refused(write, six):
    path = write({"a": Tensor(six, 0, (2, 3), (3, 1))}, six)
    whole = path.read_bytes()
    assert read_state_dict(path)["a"].shape == (2, 3)
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(WeightFileError, match="not a legacy PyTorch state dict"):
            read_state_dict(path)


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04 a zipped one", b"<html>404</html>", b"\x80\x02N."]
)
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "other.pth"
    path.write_bytes(content)
    with pytest.raises(WeightFileError, match=r"'.*other\.pth' is not a legacy"):
        read_state_dict(path)


def test_other_contents_are_refused(write, six):
    with pytest.raises(WeightFileError, match="magic number"):
        read_state_dict(write({}, magic_number=1))
    for state in ([1, 2], {"epoch": 3}, None):
        with pytest.raises(WeightFileError, match="not a legacy PyTorch state dict"):
            read_state_dict(write(state))
    tensor = Tensor(six, 0, (6,), (1,))
    with pytest.raises(WeightFileError):
        read_state_dict(write({"a": tensor}, six, keys=["8"]))
    with pytest.raises(WeightFileError):
        read_state_dict(write({"a": tensor}))
    unknown = Storage("0", np.zeros(1, "u1"), "ByteStorage")
    with pytest.raises(WeightFileError, match=r"'torch\.ByteStorage'"):
        read_state_dict(write({"a": Tensor(unknown, 0, (1,), (1,))}, unknown))
    view = Storage("0", np.zeros(1, "f4"), "FloatStorage", view=("1", 4, 1))
    with pytest.raises(WeightFileError, match="a view of another tensor"):
        read_state_dict(write({"a": Tensor(view, 0, (1,), (1,))}, view))


def test_a_missing_file_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_state_dict(tmp_path / "none.pth")
