import numpy as np
import pytest

from cv_tf.catalog import Catalog, CatalogError
from cv_tf.datasets import Prepared, format_prepared, prepare_dataset


def catalog():
    """Six products: two styles of two, one of one, and one product without a style."""
    split = np.array(["test", "train", "train", "train", "odd", "odd"], object)
    return Catalog(
        name="shoes/1.0.0",
        product_id=np.array(list("abcdef"), object),
        image=np.full(6, "", object),
        style=np.array([0, 1, 1, -1, 2, 2], np.int32),
        block=np.array([0, 0, 0, 1, 1, 1], np.int32),
        block_names=("Boots", "Sandals"),
        split=split,
        color=None,
        box=None,
        line=np.arange(6, dtype=np.int32),
        folder="/data/shoes",
    )


def test_what_is_in_a_data_set_is_laid_out_by_split():
    left_out = {
        "no photo": {"count": 2, "example": "x"},
        "print": {"count": 1234, "example": "line 17"},
    }
    assert format_prepared(Prepared(catalog(), left_out, is_new=True)) == (
        "shoes/1.0.0 is now in /data/shoes\n"
        "\n"
        "                   train  test  odd  all\n"
        "products               3     1    2    6\n"
        "  without a style      1     0    0    1\n"
        "styles                 1     1    1    3\n"
        "  of two or more       1     0    1    2\n"
        "blocks                 2     1    1    2\n"
        "\n"
        "left out  times  such as\n"
        "print     1,234  line 17\n"
        "no photo      2        x"
    )


@pytest.mark.integration
def test_a_data_set_that_was_there_is_told_and_left_alone(tmp_path):
    name = "synthetic_color_variants/tiny"
    first, again = (
        prepare_dataset(name, data_dir=str(tmp_path), progress=False) for _ in range(2)
    )
    assert (first.is_new, again.is_new) == (True, False)
    assert list(again.catalog.product_id) == list(first.catalog.product_id)
    assert first.left_out == {}
    text = format_prepared(again)
    assert f"{again.catalog.name} was already in {again.catalog.folder}\n" in text
    assert "(delete that folder to have it built anew)" in text
    assert "left out" not in text


def test_a_data_set_that_is_drawn_takes_no_files(tmp_path):
    with pytest.raises(CatalogError, match="takes no --manual_dir"):
        prepare_dataset(
            "synthetic_color_variants/tiny", str(tmp_path), str(tmp_path / "data")
        )
