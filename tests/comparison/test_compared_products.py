"""The products that a comparison is about."""

import numpy as np
import pytest

from cv_tf.catalog import CatalogError, read_catalog
from cv_tf.comparison import galleries as products, read_compared, shown_products
from cv_tf.settings import ConfigError

RECIPES = {"a": (), "b": ()}


def test_the_catalogue_is_read(planned):
    assert len(read_compared(planned(RECIPES))) == 45


def test_one_that_is_not_there(planned):
    with pytest.raises(CatalogError, match=r"nowhere\.csv does not exist"):
        read_compared(planned(RECIPES, catalog="nowhere.csv"))


@pytest.mark.parametrize("without", [("style_id",), ("style_id", "split")])
def test_one_without_labels(without, planned, changed_catalog):
    table = changed_catalog(f"compare without {len(without)}.csv", without)
    with pytest.raises(ConfigError, match="nothing to compare"):
        read_compared(planned(RECIPES, catalog=str(table)))


def test_what_is_wrong_for_several_recipes(planned, tmp_path):
    recipes = {"a": ("--frame=columns",), "b": (), "c": ("--train_split=learn",)}
    with pytest.raises(ConfigError) as error:
        read_compared(planned(recipes))
    first, second = str(error.value).split("\n")
    assert first.startswith(f"{tmp_path}/a.cfg: catalog.csv: --frame=columns needs")
    assert second.startswith(f"{tmp_path}/c.cfg: catalog.csv: no split 'learn'")


class TestShown:
    def test_all_that_are_reported_where_these_are_few(self, planned, drawn_catalog):
        catalog = read_catalog(drawn_catalog)
        shown = shown_products(catalog, planned(RECIPES).runs[0])
        expected = catalog.where_split("validation").product_id
        np.testing.assert_array_equal(shown.product_id, expected)

    def test_whole_styles_of_many(self, planned, drawn_catalog, monkeypatch):
        monkeypatch.setattr(products, "_MOST_SHOWN", 9)
        catalog = read_catalog(drawn_catalog)
        plan = planned(RECIPES, seeds=("5", "6"))
        shown = shown_products(catalog, plan.runs[0])
        assert 6 < len(shown) <= 9
        assert set(shown.split) == {"validation"}
        for style in set(shown.style):
            assert (shown.style == style).sum() == (catalog.style == style).sum()
        again = shown_products(catalog, plan.runs[1])
        np.testing.assert_array_equal(again.product_id, shown.product_id)
