"""What is shown of products: facts of the catalog, photos that are kept."""

import numpy as np
import pytest
from PIL import Image

from cv_tf.catalog import CatalogError
from cv_tf.embeddings import Embeddings
from cv_tf.pipeline import BadImageError
from cv_tf.reviewing import Products
from cv_tf.reviewing.products import match_products
from cv_tf.reviewing.served_photos import ServedPhotos


@pytest.fixture
def embeddings():
    return Embeddings(
        name="my.parquet",
        product_id=np.array(["a", "b", "007"], object),
        vectors=np.eye(3, dtype=np.float32),
        block=np.array([0, 1, 1], np.int32),
        block_names=("Shirts", "Shoes"),
        image=np.array(["/old/a.jpg", "/old/b.jpg", ""], object),
        color=np.array(["red", "", "blue"], object),
    )


class TestFacts:
    def test_of_embeddings_alone(self, embeddings):
        products, missing = match_products(embeddings)
        assert products.columns == ("color", "block")
        assert products.facts("a") == ["red", "Shirts"]
        assert products.facts("007") == ["blue", "Shoes"]
        assert products.image("a") == "/old/a.jpg"
        assert missing.number == 0
        assert len(products) == 3
        assert "7" not in products

    def test_of_a_catalog(self, embeddings, tmp_path):
        table = tmp_path / "catalog.csv"
        table.write_text(
            "price,product_id,image,sleeve,category,title,x,y,width,height\n"
            "9.99,007,new.jpg,long,Shoes,Boot,1,2,3,4\n"
            "5,a,,nan,Shirts," + "t" * 400 + ",,,,\n"
        )
        products, missing = match_products(embeddings, str(table))
        assert products.columns == ("title", "color", "category", "price", "sleeve")
        assert products.facts("007") == ["Boot", "blue", "Shoes", "9.99", "long"]
        title, *others = products.facts("a")
        assert title == "t" * 299 + "…"
        assert others == ["red", "Shirts", "5", ""]
        assert products.facts("b") == ["", "", "", "", ""]
        assert products.image("007") == str(tmp_path / "new.jpg")
        assert products.image("a") == "/old/a.jpg"
        assert (missing.number, missing.example) == (1, "b")

    def test_without_photos_in_the_catalog(self, embeddings, tmp_path):
        table = tmp_path / "titles.csv"
        table.write_text("product_id,title\n007,Boot\n")
        products, _ = match_products(embeddings, str(table))
        assert products.columns == ("title", "color", "block")
        assert products.image("b") == "/old/b.jpg"

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("product_id,title\n7,Boot\n8,Shoe\n", "Did you mean '7'?"),
            ("product_id,title\nx,Boot\n", "Name the table that was embedded."),
            ("name,title\na,Boot\n", "no column 'product_id'"),
            ("product_id,image,color\na,a,b\na,b,c\n", "'a' was already on line 2"),
        ],
    )
    def test_of_another_catalog_are_refused(self, embeddings, tmp_path, text, message):
        table = tmp_path / "catalog.csv"
        table.write_text(text)
        with pytest.raises(CatalogError, match=message.replace("?", "\\?")):
            match_products(embeddings, str(table))
        with pytest.raises(CatalogError, match="does not exist"):
            match_products(embeddings, str(tmp_path / "gone.csv"))

    def test_many_products_are_no_more_work_each(self):
        ids = list(map(str, range(100_000)))
        products = Products(ids, ids, {"title": ids})
        assert products.facts("99999") == ["99999"]
        assert products.image("5") == "5"


class TestPhotos:
    def test_the_latest_are_kept(self):
        asked = []

        def read(image, side):
            asked.append(image)
            return Image.new("RGB", (8, 8), image)

        one = len(ServedPhotos(read).jpeg("red", 480))
        asked.clear()
        photos = ServedPhotos(read, most_bytes=2 * one + 10)
        for image in ("red", "blue", "red", "lime", "red", "blue"):
            photos.jpeg(image, 480)
        assert asked == ["red", "blue", "lime", "blue"]
        assert photos.jpeg("red", 480) != photos.jpeg("blue", 480)

    def test_one_that_is_larger_than_all_room_is_sent(self):
        photos = ServedPhotos(lambda *_: Image.new("RGB", (8, 8)), most_bytes=1)
        assert photos.jpeg("a", 480) == photos.jpeg("a", 480)

    @pytest.mark.parametrize(
        "message",
        [
            "damaged (cannot read <_io.BufferedReader name='/home/a.jpg'>)",
            "the file cannot be read (gs://bucket/a.jpg: no such bucket)",
            "/home/a.jpg is locked",
            "not a file: a.jpg",
        ],
    )
    def test_reasons_have_no_path(self, message):
        def read(image, side):
            raise BadImageError(message)

        with pytest.raises(BadImageError) as caught:
            ServedPhotos(read).jpeg("a.jpg", 480)
        assert str(caught.value) == "the photo cannot be read"

    @pytest.mark.parametrize("message", ["the file is missing", "damaged or truncated"])
    def test_other_reasons_stay(self, message):
        def read(image, side):
            raise BadImageError(message)

        with pytest.raises(BadImageError, match=message):
            ServedPhotos(read).jpeg("a.jpg", 480)

    def test_a_reader_that_fails_is_a_photo_that_cannot_be_read(self):
        def read(image, side):
            raise PermissionError(13, "Permission denied", "/home/a.jpg")

        with pytest.raises(BadImageError, match=r"^the photo cannot be read$"):
            ServedPhotos(read).jpeg("a.jpg", 480)
