import os
import subprocess
import sys

import pytest

from cv_tf.catalog import CatalogError, read_catalog
from cv_tf.files import is_file, is_remote, open_binary, open_random

OPEN = """
import sys
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


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_local_and_remote_files_are_read_alike(tmp_path, scheme):
    (tmp_path / "a").write_bytes(b"\0\1\2\n")
    with open_binary(f"{scheme}{tmp_path}/a") as file:
        assert file.read() == b"\0\1\2\n"
    assert is_file(f"{scheme}{tmp_path}/a")
    assert not is_file(f"{scheme}{tmp_path}/b")
    with pytest.raises(FileNotFoundError):
        open_binary(f"{scheme}{tmp_path}/b")


def test_a_remote_table_is_read_with_images_beside_it(tmp_path):
    text = "product_id,image\n1,images/a.jpg\n"
    (tmp_path / "c.csv").write_text(text, encoding="utf-8")
    catalog = read_catalog(f"file://{tmp_path}/c.csv", block_columns=())
    assert list(catalog.image) == [f"file://{tmp_path}/images/a.jpg"]
    with pytest.raises(CatalogError, match="does not exist"):
        read_catalog(f"file://{tmp_path}/none.csv")


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
