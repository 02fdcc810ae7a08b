import pytest

from cv_tf.config import Config
from cv_tf.report.inspection_pages import (
    describe_layout,
    describe_places,
    describe_settings,
)


def test_what_is_learned_from_and_seen():
    said = describe_settings(
        Config(embed_size=224, flip=0.25, blur=0.5, keep_background=True)
    )
    assert said["Method"] == "part_contrast"
    assert said["Views"].startswith("parts: the whole product, hardly moved, recolored")
    assert said["Mirrored"] == "25% of the views"
    assert said["Blurred"] == "50% of the views"
    assert said["Background"] == "a plain background keeps its color"
    assert said["Color input"].startswith("grey: ")
    assert said["Parts"] == (
        "symmetric_7x7, 28 parts, 21 of them with their mirror image, cut from the "
        "feature map"
    )
    assert said["Size"] == "views are 128 x 128 pixels; vectors are made of 224 x 224"


def test_only_views_of_parts_have_parts():
    said = describe_settings(Config(method="simclr", frame="photo", color_input="rgb"))
    assert "Parts" not in said
    assert said["Views"] == "crops: random resized crops, recolored"
    assert said["Mirrored"] == "no view"
    assert said["Blurred"] == "no view"
    assert said["Background"] == "recolored with the product"
    assert said["Photos"] == "the whole photo, padded to a square"
    assert said["Size"] == "views are 128 x 128 pixels"
    pixels = describe_settings(Config(parts="grid_3x3", parts_from="pixels"))
    assert pixels["Parts"] == "grid_3x3, 9 parts, cut from the pixels"


@pytest.mark.parametrize("color", ["rgb", "grey", "both"])
@pytest.mark.parametrize("frame", ["auto", "columns", "photo"])
def test_every_choice_has_words(color, frame):
    said = describe_settings(Config(color_input=color, frame=frame))
    assert said["Color input"].startswith(f"{color}: ")
    assert "padded to a square" in said["Photos"]


def test_where_parts_lie():
    assert describe_layout("halves") == "halves, 2 parts"
    assert describe_places("halves") == [
        "0 to 50 % from the top, 0 to 100 % from the left",
        "50 to 100 % from the top, 0 to 100 % from the left",
    ]
    assert describe_places("symmetric_5x5")[1:3] == [
        "0 to 20 % from the top, 20 to 40 % from the left, and its mirror image",
        "0 to 20 % from the top, 40 to 60 % from the left",
    ]
