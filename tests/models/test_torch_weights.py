import collections
import os
import pickle
import random
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


def test_storages_that_lie_are_refused(write, six):
    other = Storage("7", np.arange(3, dtype="<f8"), "DoubleStorage")
    same_bytes = Storage("7", np.arange(6, dtype="<i4"), "IntStorage")
    for second in (other, same_bytes):
        state = {"a": Tensor(six, 0, (3,), (1,)), "b": Tensor(second, 0, (3,), (1,))}
        with pytest.raises(WeightFileError, match="two types or lengths"):
            read_state_dict(write(state, six))
    tensor = {"a": Tensor(six, 0, (6,), (1,))}
    with pytest.raises(WeightFileError, match="storages are not those"):
        read_state_dict(write(tensor, six, six))
    with pytest.raises(WeightFileError, match="storages are not those"):
        read_state_dict(write(tensor, six, other, keys=["7", "8"]))


class Long:
    """A storage that is said to be longer than it is."""

    def __init__(self, length):
        self.length = length

    def __len__(self):
        return self.length

    def __array__(self, *_, **__):
        return np.zeros(6, "<f4")


@pytest.mark.parametrize("length", [7, 2**40, 2**60])
def test_sizes_that_lie_take_no_memory(write, length):
    storage = Storage("7", Long(length), "FloatStorage")
    for size in ((6,), (length,)):
        with pytest.raises(WeightFileError, match=r"truncated|larger than the file"):
            read_state_dict(write({"a": Tensor(storage, 0, size, (1,))}, storage))


def test_one_storage_is_not_given_out_a_thousand_times(write, six):
    state = {str(number): Tensor(six, 0, (6,), (1,)) for number in range(1_000)}
    read = read_state_dict(write(state, six))
    assert len(read) == 1_000
    many = Storage("7", np.zeros(100_000, "<f4"), "FloatStorage")
    state = {str(number): Tensor(many, 0, (100_000,), (1,)) for number in range(100)}
    with pytest.raises(WeightFileError, match="larger than the file"):
        read_state_dict(write(state, many))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_named(write, bad):
    storage = Storage("0", np.array([1.0, bad], "<f4"), "FloatStorage")
    with pytest.raises(WeightFileError, match="numbers of 'conv' are not all finite"):
        read_state_dict(write({"conv": Tensor(storage, 0, (2,), (1,))}, storage))


PICKLES = {
    "a place far away in the memo": b"\x80\x02Nr\xff\xff\xff\xffj\xff\xff\xff\xff.",
    "a text that is not there": b"\x80\x02X\xff\xff\xff\x7f.",
    "bytes that are not there": b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x00.",
    "a number that is not there": b"\x80\x02\x8b\xff\xff\xff\x7f.",
    "a frame that is not there": b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x00.",
    "nested deeply": b"\x80\x02" + b"(" * 50_000 + b"t" * 49_999 + b".",
    "too many steps": b"\x80\x02" + b"N" * 1_100_000 + b".",
    "nothing on the stack": b"\x80\x02.",
    "no mark": b"\x80\x02t.",
    "a name that is a container": b"\x80\x02})Ns.",
    "a dict that is none": b"\x80\x02NNNs.",
    "an extension": b"\x80\x02\x82\x01.",
    "an instance": b"(ios\nsystem\n.",
    "an object": b"\x80\x02(cos\nsystem\no.",
    "a global of the stack": b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
    "a new object": b"\x80\x02ccollections\nOrderedDict\n)\x81.",
    "a call with arguments": b"\x80\x02ccollections\nOrderedDict\n(NtR.",
    "a call of what is no function": b"\x80\x02N)R.",
    "a state of what is no dict": b"\x80\x02]NNb.",
    "a persistent text": b"Pabc\n.",
    "a persistent number": b"\x80\x02K\x01Q.",
    # Each tuple holds the one before twice: to compare or hash it takes forever.
    "a tuple of tuples": b"\x80\x02)" + b"q\x01h\x01\x86" * 60 + b"}" + b"h\x01Ns.",
}


@pytest.mark.parametrize("kind", PICKLES)
def test_pickles_that_are_refused(kind, write, six):
    path = write({"a": Tensor(six, 0, (6,), (1,))}, six)
    magic = pickle.dumps(MAGIC_NUMBER, protocol=2)
    assert path.read_bytes().startswith(magic)
    rest = path.read_bytes()[len(magic) :]
    for content in (PICKLES[kind] + rest, magic + PICKLES[kind] * 4):
        path.write_bytes(content)
        with pytest.raises(WeightFileError, match="not a legacy PyTorch state dict"):
            read_state_dict(path)


@pytest.mark.parametrize("number", [500, pytest.param(20_000, marks=pytest.mark.slow)])
def test_damaged_pickles_are_told(write, six, number):
    """Or give other shapes: the SHA-256 in the name of a file of weights tells that."""
    other = Storage("3", np.array([8.0, 9.0], "<f8"), "DoubleStorage")
    state = collections.OrderedDict(
        a=Tensor(six, 0, (2, 3), (3, 1)), b=Tensor(other, 0, (2,), (1,))
    )
    path = write(state, six, other)
    whole, generator = path.read_bytes(), random.Random(number)
    end = whole.index(np.arange(6, dtype="<f4").tobytes())
    for _ in range(number):
        content, at = bytearray(whole), generator.randrange(end)
        length = generator.choice((1, 2, 8))
        content[at : at + length] = generator.choice(
            (generator.randbytes(length), b"", bytes(length), b"\xff" * length)
        )
        path.write_bytes(content)
        try:
            read = read_state_dict(path)
        except WeightFileError as error:
            assert str(path) in str(error)
            continue
        # Names and shapes may be other ones; numbers are no more than there are.
        assert sum(array.nbytes for array in read.values()) <= len(whole)
