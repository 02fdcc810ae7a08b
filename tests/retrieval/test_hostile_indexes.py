"""Indexes that somebody has made to do harm, with an index.json that fits the files."""

import json
import os
import random
import shutil
import subprocess
import sys

import numpy as np
import pytest
from angles import at_degrees
from mutations import mutated

from cv_tf.errors import UserError
from cv_tf.files import digest_of
from cv_tf.retrieval import ExactIndex, ScannIndex, load_index, scann

ANGLES = at_degrees(*range(0, 360, 6))


def refit(folder, **changed):
    """Makes index.json fit the files of its folder, but for what is changed in it."""
    path = folder / "index.json"
    about = json.loads(path.read_text())
    names = [name for name in about["files"] if (folder / name).is_file()]
    about["files"] = {name: (folder / name).stat().st_size for name in names}
    about["digests"] = {name: digest_of(folder / name) for name in names}
    path.write_text(json.dumps(about | changed))


@pytest.fixture(scope="module", params=["exact", "scann"])
def saved(request, tmp_path_factory):
    """The folder of a small index of each kind."""
    folder = tmp_path_factory.mktemp(request.param) / "index"
    if request.param == "exact":
        ExactIndex(ANGLES).save(folder)
        return folder
    try:
        scann.load_scann()
    except ImportError as error:
        pytest.skip(str(error))
    ScannIndex.build(ANGLES, recall=1, k=3).save(folder)
    return folder


@pytest.fixture
def index(saved, tmp_path):
    """A copy of the folder, to be changed."""
    return shutil.copytree(saved, tmp_path / "index")


def vectors_of(folder):
    names = ("dataset.npy", "embeddings.npy")
    return next(folder / name for name in names if (folder / name).exists())


WRONG_VALUES = [-1, 0, 2**63, 1.5, float("nan"), float("inf"), "1", None, [], {}, True]


@pytest.mark.parametrize("value", WRONG_VALUES, ids=repr)
@pytest.mark.parametrize(
    "name", ["engine", "dim", "num_products", "model", "measured_recall", "settings"]
)
def test_values_of_index_json_are_checked(index, name, value):
    fits = name == "settings" and value == {} and (index / "embeddings.npy").exists()
    fits |= name == "measured_recall" and type(value) is int and value == 0
    fits |= name == "model" and value == "1"
    refit(index, **{name: value})
    if fits:
        load_index(index)
        return
    with pytest.raises(UserError, match=r"index' is damaged"):
        load_index(index)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 100_000, '"', "", "\0", "NaN", " " * 2**21]
)
def test_texts_of_index_json_are_checked(index, text):
    (index / "index.json").write_text(text)
    with pytest.raises(UserError, match=r"index' is damaged"):
        load_index(index)


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "sub/a.npy", "", ".", "index.json"]
)
@pytest.mark.parametrize("listed", ["files", "digests"])
def test_no_other_files_are_looked_at(index, name, listed):
    about = json.loads((index / "index.json").read_text())
    some = about[listed] | {name: 10 if listed == "files" else "0"}
    refit(index, **{listed: some})
    with pytest.raises(UserError, match=r"index\.json lists"):
        load_index(index)


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_only_regular_files_are_read(index, tmp_path, kind):
    for path in (vectors_of(index), index / "index.json"):
        kept = path.read_bytes()
        path.unlink()
        if kind == "link":
            (tmp_path / "elsewhere").write_bytes(kept)
            path.symlink_to(tmp_path / "elsewhere")
        elif kind == "pipe":
            os.mkfifo(path)
        else:
            path.mkdir()
        with pytest.raises(UserError, match=f"{path.name} is not a regular file"):
            load_index(index)
        path.rmdir() if kind == "folder" else path.unlink()
        path.write_bytes(kept)
    load_index(index)


@pytest.mark.parametrize("name", range(7))
def test_a_flipped_bit_is_noticed(index, name):
    names = sorted(json.loads((index / "index.json").read_text())["files"])
    path = index / names[name % len(names)]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=f"checksum of {path.name} is wrong"):
        load_index(index)


def test_an_index_without_checksums_is_loaded(index):
    about = json.loads((index / "index.json").read_text())
    del about["digests"]
    (index / "index.json").write_text(json.dumps(about))
    found = load_index(index).search(ANGLES[:4], 1)
    assert found.indices.ravel().tolist() == [0, 1, 2, 3]


def _set(place, value):
    def change(vectors):
        vectors[place] = value
        return vectors

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set((3, 0), np.nan), "NaN or infinity .*row 3"),
        (_set((3, 0), np.inf), "NaN or infinity"),
        (_set(3, 0), "not of length 1 .*row 3"),
        (_set(3, 1e30), "NaN or infinity|not of length 1"),
        (lambda it: it.astype(np.float64), "is float64"),
        (lambda it: it.astype(">f4"), "bytes in another order"),
        (np.asfortranarray, ""),
        (lambda it: it[:, :, None], ""),
        (lambda it: it.ravel(), ""),
        (lambda it: it[:-1], ""),
        (lambda it: it.astype(object), "is object"),
    ],
)
def test_vectors_are_checked(index, change, message):
    path = vectors_of(index)
    np.save(path, change(np.load(path)), allow_pickle=True)
    refit(index)
    with pytest.raises(UserError, match=rf"index' is damaged.*({message})"):
        load_index(index)


@pytest.mark.parametrize(
    "header",
    [
        b"{'descr':'<f4','fortran_order':False,'shape':(1000000000000,2,)}",
        b"{'descr':'<f4','fortran_order':False,'shape':(60,2),'shape':(60,2)}",
        b"{'descr':'<f4','fortran_order':False,'shape':(-60,-2)}",
        b"{'descr':[('a','<f4')],'fortran_order':False,'shape':(60,)}",
        b"{'descr':'<f4','fortran_order':False,'shape':(60,2)} + 1",
        b"__import__('os').abort()",
        b"",
    ],
)
def test_headers_of_arrays_are_read_strictly(index, header):
    path = vectors_of(index)
    header = header.ljust(117) + b"\n"
    start = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little")
    path.write_bytes(start + header + np.load(path).tobytes())
    refit(index, num_products=10**12 if b"10000" in header else 60)
    with pytest.raises(UserError, match=r"index' is damaged"):
        load_index(index)


def test_another_index_that_takes_the_place_is_not_mixed_with_it(index, monkeypatch):
    other = index.with_name("other")
    ExactIndex(ANGLES[:9]).save(other)
    read = type(load_index(index)).read.__func__

    def replaced(cls, folder):
        index.rename(index.with_name("old"))
        other.rename(index)
        return read(cls, folder)

    monkeypatch.setattr(type(load_index(index)), "read", classmethod(replaced))
    assert load_index(index).num_products == 60


SCANN_ONLY = pytest.mark.parametrize("saved", ["scann"], indirect=True)


@SCANN_ONLY
@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("datapoint_to_token.npy", _set(5, 10_000)),
        ("datapoint_to_token.npy", _set(5, -1)),
        ("hashed_dataset.npy", _set((5, 0), 16)),
        ("hashed_dataset.npy", lambda it: it[:, :0]),
    ],
)
def test_numbers_of_leaves_and_codes_are_checked(index, name, change):
    np.save(index / name, change(np.load(index / name)))
    refit(index)
    with pytest.raises(UserError, match=rf"damaged \({name}"):
        load_index(index)


@SCANN_ONLY
@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("scann_assets.pbtxt", b"dataset.npy", b"/etc/passwd"),
        ("scann_assets.pbtxt", b"AH_CENTERS", b"PARTITIONER"),
        ("scann_config.pb", b"DotProductDistance", b"SquaredL2Distance!"),
    ],
)
def test_assets_and_configuration_are_those_of_such_an_index(index, name, old, new):
    content = (index / name).read_bytes()
    assert old in content
    (index / name).write_bytes(content.replace(old, new, 1))
    refit(index)
    with pytest.raises(UserError, match=r"index' is damaged"):
        load_index(index)


@SCANN_ONLY
@pytest.mark.parametrize(
    "settings",
    [
        {"leaves": 10**6},
        {"num_leaves": 10**6, "leaves": 1},
        {"num_leaves": 6},
        {"reordered": 10**6},
        {"tuned_k": 5},
        {"other": 1},
    ],
)
def test_settings_fit_the_files(index, settings):
    about = json.loads((index / "index.json").read_text())
    refit(index, settings=about["settings"] | settings)
    with pytest.raises(UserError, match=r"index' is damaged"):
        load_index(index)


def load_mutated(folder, place, seeds):
    """Loads and searches changed copies of an index; their UserErrors are counted."""
    names = sorted(json.loads((folder / "index.json").read_text())["files"])
    vectors, refused = np.load(vectors_of(folder)), 0
    for seed in seeds:
        rng = random.Random(seed)
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(folder, place)
        path = place / rng.choice(names)
        path.write_bytes(mutated(path.read_bytes(), rng))
        refit(place)
        try:
            loaded = load_index(place)
        except UserError as error:
            assert "damaged" in str(error)
            refused += 1
            continue
        there = np.load(vectors_of(place))
        found = loaded.search(vectors[:10], 3)
        expected = np.einsum("qd,qkd->qk", vectors[:10], there[found.indices])
        filled = found.indices >= 0
        np.testing.assert_allclose(
            found.similarities[filled], expected[filled], atol=1e-5
        )
    return refused


def test_mutations_are_refused_or_right(saved, tmp_path):
    assert load_mutated(saved, tmp_path / "index", range(40)) > 20


@pytest.mark.slow
@pytest.mark.integration
def test_many_mutations_end_no_process(saved, tmp_path):
    code = (
        "import sys; from pathlib import Path; "
        "import test_hostile_indexes as t; "
        "print(t.load_mutated(Path(sys.argv[1]), Path(sys.argv[2]), range(40, 600)))"
    )
    folder = os.path.dirname(__file__)  # noqa: PTH120 (for the path of Python)
    paths = [folder, os.path.dirname(folder), *sys.path]  # noqa: PTH120
    done = subprocess.run(
        [sys.executable, "-c", code, str(saved), str(tmp_path / "index")],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout.split()[-1]) > 300
