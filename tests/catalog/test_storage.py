import pytest

from cv_tf.catalog import CatalogError, read_catalog
from cv_tf.catalog.storage import is_file, is_remote, open_binary


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
