"""Files on disk and in object storage, and similar names."""

import os
import random
import subprocess
import sys

import pytest
import tensorflow as tf

from cv_tf.files import (
    did_you_mean,
    is_file,
    is_remote,
    open_binary,
    open_random,
    repeated,
    say_unknown,
    similar_names,
)

KNOWN = [f"{number:010d}" for number in range(108_775_000, 108_775_100)]

OPEN = """import sys
from cv_tf.files import open_random

for name in sys.argv[1:]:
    try:
        file = open_random(name)
        print(file.read(), file.read_at(2, 1), file.read_at(9, 3))
    except OSError as error:
        print(type(error).__name__, error)
"""


def test_uris_are_remote_and_paths_are_not():
    assert is_remote("gs://bucket/a.jpg")
    assert not is_remote("/photos/a.jpg")
    assert not is_remote("a.jpg")


@pytest.mark.parametrize(
    "scheme", ["", pytest.param("ram://", marks=pytest.mark.integration)]
)
def test_local_and_remote_files_are_read_alike(tmp_path, scheme):
    (tmp_path / "a").write_bytes(b"\0\1\2\n")
    if scheme:
        tf.io.gfile.copy(f"{tmp_path}/a", f"{scheme}{tmp_path}/a")
    with open_binary(f"{scheme}{tmp_path}/a") as file:
        assert file.read() == b"\0\1\2\n"
    assert is_file(f"{scheme}{tmp_path}/a")
    assert not is_file(f"{scheme}{tmp_path}/b")
    with pytest.raises(FileNotFoundError):
        open_binary(f"{scheme}{tmp_path}/b")


def open_in_bucket(bucket, *names, **environment):
    """What a process prints of some files that it opens."""
    done = subprocess.run(
        [sys.executable, "-c", OPEN, *names],
        env=os.environ | bucket.environment | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_a_file_is_read_in_order_and_in_any(tmp_path):
    (tmp_path / "a").write_bytes(b"abcdef")
    with open_random(str(tmp_path / "a")) as file:
        assert file.read() == b"abcdef"
        assert file.read_at(2, 1) == b"bc"
        assert file.read_at(9, 3) == b"def"
    with pytest.raises(FileNotFoundError):
        open_random(str(tmp_path / "b"))


@pytest.mark.parametrize("is_public", [True, False])
def test_a_file_in_a_bucket_is_read_in_order_and_in_any(bucket, monkeypatch, is_public):
    monkeypatch.setattr(bucket, "is_public", is_public)
    bucket.objects["a"] = b"abcdef"
    key = {"GOOGLE_APPLICATION_CREDENTIALS": "none"} if is_public else {}
    one, other = open_in_bucket(bucket, "gs://bucket/a", "gs://bucket/b", **key)
    assert one == f"{b'abcdef'} {b'bc'} {b'def'}"
    assert other.startswith("FileNotFoundError")


def test_missing_credentials_are_told(bucket):
    key = {"GOOGLE_APPLICATION_CREDENTIALS": "none"}
    (told,) = open_in_bucket(bucket, "gs://bucket/a", **key)
    assert "gs://bucket/a cannot be opened. Log in with 'gcloud auth" in told


@pytest.mark.parametrize(
    "unknown", ["108775042", "01087750421", "0108775O42", "0180775042"]
)
def test_a_slip_of_the_pen_is_found_among_many(unknown):
    draws = random.Random(0)
    others = {f"{draws.randrange(10**10):010d}" for _ in range(10_000)}
    assert similar_names([unknown], {"0108775042", *others})[unknown][0] == "0108775042"


@pytest.mark.parametrize("unknown", ["7", "000000007"])
def test_leading_zeros_that_a_spreadsheet_took_away(unknown):
    known = [f"{number:010d}" for number in range(20_000)]
    assert similar_names([unknown], known)[unknown][0] == "0000000007"


def test_the_most_similar_come_first_and_no_more_than_three():
    known = ["red shorts", "blue skirt", "red skirt", "a red skirt", "the red skirts"]
    assert similar_names(["red skirts"], known) == {
        "red skirts": ["red skirt", "a red skirt", "the red skirts"]
    }


def test_capital_letters_do_not_matter():
    assert similar_names(["sku-1"], ["SKU-1"]) == {"sku-1": ["SKU-1"]}


def test_says_what_is_not_there_and_what_is():
    text = say_unknown("file.parquet", "product", ["ab3", "zzz"], ["abc3", "q"])
    assert text == (
        "file.parquet has no product 'ab3'. Did you mean 'abc3'?\n"
        "file.parquet has no product 'zzz'. Names there look like 'abc3'."
    )


def test_two_that_are_equally_similar():
    text = say_unknown("file.parquet", "block", ["shirt"], ["Shirts", "Skirt"])
    assert text.endswith("Did you mean 'Shirts' or 'Skirt'?")


def test_many_are_counted():
    lines = say_unknown("f", "product", [str(i) for i in range(7)], KNOWN).split("\n")
    assert len(lines) == 6
    assert lines[-1] == "2 more are not there."


def test_names_that_occur_more_than_once():
    assert repeated(["b", "a", "c", "a", "b", "b"]) == ["a", "b"]
    assert repeated([]) == []


def test_a_question_only_where_a_name_is_similar():
    assert did_you_mean("shrits", ["shirts", "shoes"]) == "Did you mean 'shirts'?"
    assert did_you_mean("bags", ["shirts", "shoes"]) == ""
