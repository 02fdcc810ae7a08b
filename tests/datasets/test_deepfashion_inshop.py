import numpy as np
import pytest

from cv_tf.catalog import CatalogError
from cv_tf.datasets import prepare_dataset
from cv_tf.training import split_catalog

DRESS = "img/WOMEN/Dresses/id_00000002"
SHIRT = "img/MEN/Shirts_Polos/id_00000080"
TEE = "img/WOMEN/Graphic_Tees/id_00000090"

# A photo, its item and its part, as the owners' list has them.
LISTED = [
    (f"{DRESS}/01_2_side.jpg", "id_00000002", "train"),
    (f"{DRESS}/01_1_front.jpg", "id_00000002", "train"),
    (f"{DRESS}/02_7_additional.jpg", "id_00000002", "train"),
    (f"{DRESS}/02_4_full.jpg", "id_00000002", "train"),
    (f"{SHIRT}/01_1_front.jpg", "id_00000080", "query"),
    (f"{SHIRT}/01_3_back.jpg", "id_00000080", "gallery"),
    (f"{SHIRT}/11_7_additional.jpg", "id_00000080", "gallery"),
    (f"{SHIRT}/11_3_back.jpg", "id_00000080", "query"),
    (f"{TEE}/01_1_front.jpg", "id_00000090", "gallery"),
]
# The front; else the one of full length; else the first by name.
CHOSEN = {
    "id_00000002-01": f"{DRESS}/01_1_front.jpg",
    "id_00000002-02": f"{DRESS}/02_4_full.jpg",
    "id_00000080-01": f"{SHIRT}/01_1_front.jpg",
    "id_00000080-11": f"{SHIRT}/11_3_back.jpg",
    "id_00000090-01": f"{TEE}/01_1_front.jpg",
}


def table(header, rows, newline="\n"):
    """Columns are padded with blanks, also at the end of a line."""
    lines = [str(len(rows)), header, *("   ".join(map(str, row)) + " " for row in rows)]
    return newline.join([*lines, ""]).encode()


def partition(rows, newline="\n"):
    return table("image_name item_id evaluation_status", rows, newline)


def photo_of(image):
    return f"the bytes of {image}".encode()


def write(folder, listed=LISTED, photos=None, place="Eval", root="Img", **kwargs):
    (folder / place).mkdir(parents=True, exist_ok=True)
    text = partition(listed, **kwargs)
    (folder / place / "list_eval_partition.txt").write_bytes(text)
    for image in [row[0] for row in listed] if photos is None else photos:
        path = folder / root / image
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(photo_of(image))


def annotate(folder, name, text, place="Anno"):
    (folder / place).mkdir(parents=True, exist_ok=True)
    (folder / place / name).write_bytes(text)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "inshop"


def prepare(folder, tmp_path, **kwargs):
    data_dir = str(tmp_path / "data")
    return prepare_dataset(
        "deepfashion_inshop", str(folder), data_dir, progress=False, **kwargs
    )


def counts(prepared):
    return {reason: cell["count"] for reason, cell in prepared.left_out.items()}


def images_of(catalog):
    """Which photo each product has."""
    return {
        product: catalog.records(int(record)).decode().removeprefix("the bytes of ")
        for product, record in zip(catalog.product_id, catalog.record, strict=True)
    }


def test_a_product_is_a_colorway_with_its_best_photo(folder, tmp_path):
    write(folder)
    prepared = prepare(folder, tmp_path, block_columns=("category", "gender"))
    catalog = prepared.catalog
    assert images_of(catalog) == CHOSEN
    assert list(catalog.product_id) == list(CHOSEN)
    assert list(catalog.style) == [0, 0, 1, 1, 2]
    blocks = [catalog.block_names[block] for block in catalog.block]
    expected = ["Dresses / WOMEN"] * 2 + ["Shirts_Polos / MEN"] * 2
    assert blocks == [*expected, "Graphic_Tees / WOMEN"]
    assert list(catalog.split) == ["train"] * 2 + ["validation"] * 3
    assert catalog.box is None
    assert counts(prepared) == {"another view of a product": 4}
    split = split_catalog(catalog, "train", "validation")
    assert (len(split.train), len(split.evaluation)) == (2, 3)


def test_the_next_best_photo_takes_the_place_of_one_that_is_missing(folder, tmp_path):
    missing = [f"{DRESS}/01_1_front.jpg", f"{TEE}/01_1_front.jpg"]
    write(folder, photos=[row[0] for row in LISTED if row[0] not in missing])
    prepared = prepare(folder, tmp_path)
    images = images_of(prepared.catalog)
    assert images["id_00000002-01"] == f"{DRESS}/01_2_side.jpg"
    assert "id_00000090-01" not in images
    assert counts(prepared) == {"no photo": 2, "another view of a product": 3}


def test_boxes_and_colors_are_those_of_the_chosen_photo(folder, tmp_path):
    write(folder)
    boxes = [
        (f"{DRESS}/01_2_side.jpg", 3, 2, 1, 1, 9, 9),
        (f"{DRESS}/01_1_front.jpg", 3, 1, "050", "049", "208", "228"),
        (f"{DRESS}/02_4_full.jpg", 3, 4, 90, 20, 90, 200),
        (f"{SHIRT}/01_1_front.jpg", 1, 1, "left", 0, 1, 1),
        (f"{TEE}/01_1_front.jpg", 1, 1, 0, 0, 256, 256),
    ]
    header = "image_name clothes_type pose_type x_1 y_1 x_2 y_2"
    annotate(folder, "list_bbox_inshop.txt", table(header, boxes))
    colors = [
        (f"{DRESS}/01_1_front.jpg", "Heather grey"),
        (f"{DRESS}/02_4_full.jpg", "Black-ivory"),
        (f"{SHIRT}/01_3_back.jpg", "Not of the chosen photo"),
        (f"{TEE}/01_1_front.jpg",),
    ]
    annotate(folder, "list_color_cloth.txt", table("image_name color", colors))
    catalog = prepare(folder, tmp_path).catalog
    unknown = [np.nan] * 4
    expected = [[50, 49, 158, 179], unknown, unknown, unknown, [0, 0, 256, 256]]
    np.testing.assert_array_equal(catalog.box, np.array(expected, np.float32))
    assert list(catalog.color) == ["Heather grey", "Black-ivory", "", "", ""]


@pytest.mark.parametrize(
    ("place", "root", "newline", "inside"),
    [
        (".", ".", "\n", "."),
        ("Anno", "Img", "\r\n", "."),
        ("Eval", "Img", "\n", "In-shop Clothes Retrieval Benchmark"),
    ],
)
def test_other_ways_of_unpacking(place, root, newline, inside, folder, tmp_path):
    write(folder / inside, place=place, root=root, newline=newline)
    colors = table("image_name color", [(f"{DRESS}/01_1_front.jpg", "Red")])
    annotate(folder / inside, "list_color_cloth.txt", colors, "Anno/attributes")
    catalog = prepare(folder, tmp_path).catalog
    assert images_of(catalog) == CHOSEN
    assert catalog.color[0] == "Red"


def test_what_cannot_be_a_product_is_counted(folder, tmp_path):
    outside = tmp_path / "inshop/Img/01_1_front.jpg"
    broken = [
        ("img/WOMEN/../../01_1_front.jpg", "id_00000001", "train"),
        (f"/{DRESS}/03_1_front.jpg", "id_00000002", "train"),
        (f"{DRESS}/03_1_front.jpg", "id_00000003", "train"),
        (f"{DRESS}/03_1_front.jpg", "id_00000002", "test"),
        (f"{DRESS}/03_1_front.jpg", "id_00000002"),
        (f"{DRESS}/03_1_front.png", "id_00000002", "train"),
    ]
    write(folder, [*LISTED, *broken, LISTED[0]], photos=[row[0] for row in LISTED])
    outside.write_bytes(b"not a product")
    prepared = prepare(folder, tmp_path)
    assert images_of(prepared.catalog) == CHOSEN
    assert counts(prepared) == {
        "line of list_eval_partition.txt cannot be read": 6,
        "photo was listed before": 1,
        "another view of a product": 4,
    }
    first = prepared.left_out["line of list_eval_partition.txt cannot be read"]
    assert first["example"] == f"line {2 + len(LISTED) + 1}"


def test_an_item_is_never_in_both_splits(folder, tmp_path):
    both = (f"{DRESS}/05_1_front.jpg", "id_00000002", "gallery")
    write(folder, [*LISTED, both])
    prepared = prepare(folder, tmp_path)
    assert not any("id_00000002" in product for product in prepared.catalog.product_id)
    assert counts(prepared)["item is in the training and in the test set"] == 5


class TestMissingFiles:
    def test_what_was_expected_and_what_is_there(self, folder, tmp_path):
        annotate(folder, "readme.txt", b"")
        with pytest.raises(CatalogError) as caught:
            prepare(folder, tmp_path)
        message = str(caught.value)
        missing = "'Eval/list_eval_partition.txt' is not there: "
        assert f"{missing}'{folder}' holds Anno.\n" in message
        assert "non-commercial research" in message

    def test_photos_of_another_resolution_are_not_taken_for_these(
        self, folder, tmp_path
    ):
        write(folder, photos=[])
        (folder / "Img/img_highres").mkdir(parents=True)
        with pytest.raises(CatalogError, match="'Img/img' is not there"):
            prepare(folder, tmp_path)

    def test_a_list_without_its_header(self, folder, tmp_path):
        write(folder)
        (folder / "Eval/list_eval_partition.txt").write_text("3\nfoo bar\n")
        with pytest.raises(CatalogError, match="no line that begins with 'image_name'"):
            prepare(folder, tmp_path)
