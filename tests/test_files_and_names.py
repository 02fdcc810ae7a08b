"""Files on disk and in object storage, and similar names."""

import os
import pickle
import random
import socket
import subprocess
import sys
from types import SimpleNamespace

import pytest
import tensorflow as tf

from cv_tf.answers import read_said
from cv_tf.catalog import read_catalog
from cv_tf.command import find_files
from cv_tf.embeddings import read_embeddings
from cv_tf.errors import UserError
from cv_tf.files import (
    FileError,
    did_you_mean,
    digest_of,
    is_file,
    is_remote,
    kind_of_file,
    number_in,
    open_binary,
    open_random,
    parse_json,
    reaching,
    read_bounded,
    read_json,
    repeated,
    say_unknown,
    similar_names,
)
from cv_tf.settings import ConfigError
from cv_tf.stores import UnreachableError

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


def test_a_store_that_cannot_be_reached_is_told():
    told = pytest.raises(UnreachableError, match="gs://a/b cannot be reached: no")
    with told, reaching("gs://a/b"):
        raise tf.errors.FailedPreconditionError(None, None, "no network")
    with pytest.raises(FileNotFoundError), reaching("gs://a/b"):
        raise tf.errors.NotFoundError(None, None, "")


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


class TestWhatIsNoFile:
    @pytest.fixture(params=["a named pipe", "a socket", "a device", "a folder"])
    def other(self, request, tmp_path):
        """Something that is no file, and what it is."""
        path = tmp_path / "other"
        if request.param == "a named pipe":
            os.mkfifo(path)
        elif request.param == "a socket":
            socket.socket(socket.AF_UNIX).bind(os.path.relpath(path))
        elif request.param == "a device":
            path.symlink_to("/dev/zero")
        else:
            path.mkdir()
        return path, request.param

    @pytest.mark.parametrize(
        "read",
        [
            open_binary,
            open_random,
            digest_of,
            lambda path: read_bounded(path, 9),
            lambda path: read_json(path, "JSON", "Write it."),
            read_catalog,
            read_embeddings,
            read_said,
        ],
    )
    def test_is_told_and_never_waited_for(self, read, other):
        path, kind = other
        if kind == "a folder" and read is read_embeddings:
            pytest.skip("a folder of parts may be embeddings")
        assert kind_of_file(path) == kind
        with pytest.raises(UserError, match=f"is {kind}, not a file"):
            read(str(path))

    def test_settings_say_so(self, other):
        path, kind = other
        settings = SimpleNamespace(labels=str(path))
        with pytest.raises(ConfigError, match=f"--labels=.* is {kind}; name a file"):
            find_files(settings, ["labels"])

    def test_errors_travel_between_processes(self, tmp_path):
        error = pickle.loads(pickle.dumps(FileError(tmp_path, "is a folder")))
        assert error.reason == "is a folder"
        assert str(error) == f"'{tmp_path}' is a folder."

    @pytest.mark.parametrize("path", ["/proc/kmsg", "/proc/self/mem", "/proc/mounts"])
    def test_files_that_the_system_makes_up_are_empty(self, path):
        if not os.access(path, os.R_OK):
            pytest.skip("it may not be read")
        with open_binary(path) as file:
            assert file.read() == b""

    def test_no_more_is_read_than_there_may_be(self, tmp_path):
        (tmp_path / "a").write_bytes(b"abc")
        assert read_bounded(str(tmp_path / "a"), 3) == b"abc"
        with pytest.raises(FileError, match="has 3 bytes; at most 2 are read"):
            read_bounded(str(tmp_path / "a"), 2)
        os.truncate(tmp_path / "a", 2**40)  # It takes no place on the disk.
        with pytest.raises(UserError, match="1,099,511,627,776 bytes"):
            read_catalog(tmp_path / "a")


class TestJson:
    @pytest.mark.parametrize(
        ("text", "what"),
        [
            ("", "Expecting value"),
            ("[1]", "it holds a list, not an object"),
            ("null", "it holds a NoneType"),
            ('{"a": 1, "b": {"c": 1, "c": 2}}', "it names 'c' twice"),
            ('{"a": ' + "[" * 10**5, "recursion"),
            ('{"a": 1' + "0" * 5_000 + "}", "digits"),
            (b'{"a": "\xff"}', "codec can't decode"),
            ('{"a": 1}' + " " * 2**25, "bytes; at most 33,554,432 are read"),
        ],
    )
    def test_what_is_none(self, text, what, tmp_path):
        path = tmp_path / "a.json"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(UserError, match=what) as error:
            read_json(path, "some figures", "Write it again.")
        assert str(error.value).startswith(f"'{path}'")

    @pytest.mark.parametrize(
        "number",
        ["[1]", '"1"', "NaN", "1e999", "-1e999", "true", "null", "2", "9" * 400],
    )
    def test_what_is_no_number(self, number):
        values = parse_json(f'{{"a": {number}}}')
        with pytest.raises((TypeError, ValueError, OverflowError)):
            number_in(values, "a", 0, 1)
        assert number_in({"a": 1}, "a", 0, 1) == 1.0
