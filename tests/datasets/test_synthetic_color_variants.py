import dataclasses
import hashlib
import io
import socket
import subprocess
import sys
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import tensorflow_datasets as tfds
from few import few
from PIL import Image

from cv_tf.datasets import synthetic_color_variants
from cv_tf.datasets.synthetic_color_variants import curves, palette
from cv_tf.datasets.synthetic_color_variants.canvas import Canvas, Pose
from cv_tf.datasets.synthetic_color_variants.garments import Field, Garment
from cv_tf.datasets.synthetic_color_variants.render import render_photo
from cv_tf.datasets.synthetic_color_variants.styles import GARMENTS, sample_styles

NAMES = tuple(GARMENTS)

FAMILIES = {"train": 6, "validation": 4}


@pytest.fixture(scope="module")
def splits():
    return sample_styles(seed=0, families=FAMILIES, family_size=3)


def grey_pixels(jpeg: bytes) -> np.ndarray:
    """The photo as a network sees it: grey, 128 pixels high."""
    image = Image.open(io.BytesIO(jpeg)).convert("L").resize((96, 128))
    return np.asarray(image, np.float64)


class TestCurves:
    def test_a_bezier_curve_passes_halfway_between_chord_and_control(self):
        # The middle of a quadratic curve is (start + 2 * control + end) / 4.
        curve = curves.bezier((0, 0), (4, 8), (8, 0), steps=3)
        np.testing.assert_allclose(curve, [(0, 0), (4, 4), (8, 0)])

    def test_turning_by_90_degrees_is_clockwise_where_y_grows_downward(self):
        turned = curves.rotated(np.array([(3.0, 1.0)]), 90, (2.0, 1.0))
        np.testing.assert_allclose(turned, [(2.0, 2.0)])

    def test_long_edges_are_divided_evenly(self):
        path = curves.densified(np.array([(0.0, 0.0), (9.0, 0.0), (9.0, 2.0)]), False)
        np.testing.assert_allclose(path, [(0, 0), (3, 0), (6, 0), (9, 0), (9, 2)])

    def test_a_closed_outline_gets_its_last_edge_but_not_its_first_point_twice(self):
        triangle = np.array([(0.0, 0.0), (4.0, 0.0), (0.0, 8.0)])
        dense = curves.densified(triangle, closed=True, spacing=10.0)
        np.testing.assert_allclose(dense, triangle)

    def test_the_mirrored_half_runs_back_up_on_the_other_side(self):
        outline = curves.mirrored(np.array([(0.0, 0.0), (5.0, 1.0), (0.0, 9.0)]))
        expected = [(0, 0), (5, 1), (0, 9), (0, 9), (-5, 1), (0, 0)]
        np.testing.assert_allclose(outline, expected)


class TestPalette:
    def test_luma_is_that_of_rec_601(self):
        assert palette.luminance((255, 0, 0)) == pytest.approx(0.299)
        assert palette.luminance((0, 51, 255)) == pytest.approx(0.587 * 0.2 + 0.114)

    def test_seams_are_darker_on_light_cloth_and_lighter_on_dark_cloth(self):
        white, black = palette.PALETTE["White"][0], palette.PALETTE["Black"][0]
        assert palette.luminance(palette.ink(white)) < palette.luminance(white) - 0.1
        assert palette.luminance(palette.ink(black)) > palette.luminance(black) + 0.1

    @pytest.mark.parametrize("scheme", palette.SCHEMES)
    @pytest.mark.parametrize("name", palette.PALETTE)
    def test_the_two_colors_of_a_product_differ_in_grey_too(self, name, scheme):
        colors = palette.colorway(name, scheme)
        base, accent = map(palette.luminance, (colors["base"], colors["accent"]))
        assert abs(base - accent) > 0.17

    def test_the_second_color_follows_the_first(self):
        red = palette.colorway("Red", "contrast")
        blue = palette.colorway("Blue", "contrast")
        assert red["base"] != blue["base"]
        assert red["accent"] != blue["accent"]

    def test_drawn_colors_are_different_ones(self):
        colors = palette.sample_colors(np.random.default_rng(0), 6)
        assert len(set(colors)) == 6


class TestCanvas:
    def flat(self) -> Canvas:
        still = Pose(0.0, np.ones(2), np.zeros(2), np.zeros((1, 5)), 0.0)
        return Canvas(still, palette.Colorway((200, 0, 0), (0, 0, 200), (9, 9, 9)))

    def test_a_piece_covers_the_pixels_of_its_outline(self):
        canvas = self.flat()
        # Percent of the height: 256 pixels are 100, and x = 0 is pixel 96.
        canvas.piece(curves.rectangle(-12.5, 25.0, 12.5, 75.0), edge=0.0)
        colors, cover = canvas.finish()
        expected = np.zeros((256, 192))
        expected[64:192, 64:128] = 1.0
        assert np.abs(cover - expected)[:, :127].max() < 0.35
        assert np.abs(cover - expected).mean() < 0.005
        np.testing.assert_array_equal(colors[100, 100], (200, 0, 0))

    def test_stripes_share_a_piece_between_base_and_accent(self):
        canvas = self.flat()
        canvas.piece(
            curves.rectangle(-30, 10, 30, 90), pattern="stripes_wide", edge=0.0
        )
        colors, _ = canvas.finish()
        column = colors[40:220, 96]
        accent = (column[:, 2] > 100).mean()
        assert 0.4 < accent < 0.6
        # Bars of 10 percent of the height, half base and half accent.
        changes = sum(a != b for a, b in pairwise(column[:, 2] > 100))
        assert changes in (13, 14, 15)

    def test_a_piece_is_cut_off_at_the_one_that_it_lies_within(self):
        canvas = self.flat()
        lower = curves.rectangle(-10, 40, 10, 60)
        canvas.piece(lower, edge=0.0)
        _, before = canvas.finish()
        strap = curves.rectangle(-30, 48, 30, 52)
        canvas.piece(strap, "accent", edge=0.4, within=lower)
        colors, after = canvas.finish()
        np.testing.assert_array_equal(after, before)
        np.testing.assert_array_equal(colors[128, 96], (0, 0, 200))

    def test_an_unknown_pattern_is_named(self):
        with pytest.raises(ValueError, match="tartan"):
            curves.pattern_layers("tartan")


class TestGarment:
    garment = Garment(
        {
            "pocket": Field(("none", "patch")),
            "logo": Field(("none", "ring", "star")),
            "place": Field(("chest", "hem"), unless=("logo", "none")),
        },
        draw=lambda canvas, design: None,
    )

    def test_what_cannot_be_seen_is_put_back_to_its_first_option(self):
        design = {"pocket": "patch", "logo": "none", "place": "hem"}
        assert self.garment.canonical(design) == {**design, "place": "chest"}

    def test_neighbors_differ_in_one_visible_field(self):
        # The place of a missing logo is no neighbor, nor is taking away the logo at
        # the hem, which would change its place as well.
        design = {"pocket": "none", "logo": "ring", "place": "hem"}
        assert list(self.garment.neighbors(design)) == [
            {"pocket": "patch", "logo": "ring", "place": "hem"},
            {"pocket": "none", "logo": "star", "place": "hem"},
            {"pocket": "none", "logo": "ring", "place": "chest"},
        ]

    @pytest.mark.parametrize("category", few(*NAMES[:2], more=NAMES[2:]))
    def test_every_detail_can_be_seen_at_128_pixels(self, category):
        """Also in one color, one pose and one light: nothing else changes."""
        garment = GARMENTS[category]
        base = next(
            style for style in sample_styles(0, {"train": 1}, 1, [category])["train"]
        )
        base = dataclasses.replace(base, scheme="light")
        before = grey_pixels(render_photo(base, "Red", seed=0))
        for design in garment.neighbors(base.design):
            twin = dataclasses.replace(base, design=design)
            after = grey_pixels(render_photo(twin, "Red", seed=0))
            changed = (np.abs(after - before) > 12).sum()
            assert changed >= 15, set(design.items()) - set(base.design.items())


class TestStyles:
    def test_the_numbers_are_those_asked_for(self, splits):
        assert {name: len(styles) for name, styles in splits.items()} == {
            "train": 6 * 3 * len(GARMENTS),
            "validation": 4 * 3 * len(GARMENTS),
        }
        assert {style.category for style in splits["validation"]} == set(GARMENTS)

    def test_no_style_and_no_design_is_in_both_splits_or_twice_in_one(self, splits):
        styles = splits["train"] + splits["validation"]
        assert len({style.style_id for style in styles}) == len(styles)
        designs = {
            (style.category, tuple(sorted(style.design.items()))) for style in styles
        }
        assert len(designs) == len(styles)

    def test_styles_have_one_to_six_different_colors(self, splits):
        counts = Counter(len(style.colors) for style in splits["train"])
        assert set(counts) == {1, 2, 3, 4, 5, 6}
        assert 0.05 < counts[1] / counts.total() < 0.3
        for style in splits["train"]:
            assert len(set(style.colors)) == len(style.colors)
            assert set(style.colors) <= set(palette.PALETTE)

    def test_black_and_white_are_the_commonest_colors_and_the_commonest_pair(
        self, splits
    ):
        colors, pairs = Counter(), Counter()
        for style in splits["train"] + splits["validation"]:
            colors.update(style.colors)
            pairs.update(
                tuple(sorted((one, other)))
                for index, one in enumerate(style.colors)
                for other in style.colors[index + 1 :]
            )
        assert [name for name, _ in colors.most_common(2)] == ["Black", "White"]
        assert pairs.most_common(1)[0][0] == ("Black", "White")

    def test_a_hard_negative_differs_from_its_twin_in_one_field_only(self, splits):
        for styles in splits.values():
            by_id = {style.style_id: style for style in styles}
            twins = [style for style in styles if style.twin_of]
            assert len(twins) == len(styles) * 2 // 3
            for style in twins:
                twin = by_id[style.twin_of]
                assert twin.category == style.category
                assert twin.scheme == style.scheme
                differing = [
                    name
                    for name, option in style.design.items()
                    if twin.design[name] != option
                ]
                assert len(differing) == 1

    def test_every_field_of_every_category_tells_some_twins_apart(self):
        styles = sample_styles(1, {"train": 20}, family_size=3)["train"]
        by_id = {style.style_id: style for style in styles}
        seen = {
            (style.category, name)
            for style in styles
            if style.twin_of
            for name, option in style.design.items()
            if by_id[style.twin_of].design[name] != option
        }
        every = {
            (category, name)
            for category, garment in GARMENTS.items()
            for name in garment.fields
        }
        assert len(seen) > 0.9 * len(every)

    def test_another_seed_draws_other_styles(self, splits):
        other = sample_styles(seed=1, families=FAMILIES, family_size=3)
        assert other["train"] != splits["train"]


class TestPhotos:
    def test_a_photo_is_an_upright_jpeg_on_a_light_background(self, splits):
        jpeg = render_photo(splits["train"][0], "Black", seed=0)
        with Image.open(io.BytesIO(jpeg)) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (192, 256))
            corners = np.asarray(image)[[0, 0, -1, -1], [0, -1, 0, -1]]
        assert corners.min() > 200

    @pytest.mark.integration
    def test_products_stay_inside_their_photos(self, splits):
        num_cut = 0
        for style in splits["validation"][::2]:
            pixels = grey_pixels(render_photo(style, "Black", seed=0))
            border = np.concatenate(
                [pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]
            )
            num_cut += border.min() < 120
        assert num_cut <= len(splits["validation"]) // 60

    @pytest.mark.integration
    def test_the_same_product_is_the_same_bytes_in_another_process(self, splits):
        style = splits["train"][7]
        script = (
            "import hashlib\n"
            "from cv_tf.datasets.synthetic_color_variants import render, styles\n"
            f"split = styles.sample_styles(0, {FAMILIES!r}, 3)['train']\n"
            "photo = render.render_photo(split[7], 'White', 0)\n"
            "print(hashlib.sha256(photo).hexdigest())\n"
        )
        run = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        )
        photo = render_photo(style, "White", seed=0)
        assert run.stdout.split()[-1] == hashlib.sha256(photo).hexdigest()

    def test_styles_seeds_and_colors_change_the_photo(self, splits):
        style, other = splits["train"][:2]
        photos = {
            render_photo(style, "Black", seed=0),
            render_photo(style, "Black", seed=1),
            render_photo(style, "White", seed=0),
            render_photo(other, "Black", seed=0),
        }
        assert len(photos) == 4

    def test_pose_and_light_change_from_photo_to_photo(self, splits):
        style = splits["train"][0]
        renamed = dataclasses.replace(style, style_id="another")
        first, second = (
            grey_pixels(render_photo(each, "Black", 0)) for each in (style, renamed)
        )
        assert (np.abs(first - second) > 12).sum() > 100

    def test_a_white_product_can_be_told_from_its_background(self, splits):
        for style in splits["validation"][:: len(splits["validation"]) // 11]:
            pixels = grey_pixels(render_photo(style, "White", seed=0))
            assert (pixels < np.median(pixels[:8]) - 25).sum() > 60


@pytest.fixture
def offline(monkeypatch):
    def refuse(self, address):
        raise AssertionError(f"a connection to {address} was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)


class TestBuilder:
    @pytest.mark.integration
    def test_the_data_set_is_built_offline_and_read_back(self, tmp_path, offline):
        builder = tfds.builder("synthetic_color_variants/tiny", data_dir=tmp_path)
        assert isinstance(builder, synthetic_color_variants.SyntheticColorVariants)
        builder.download_and_prepare(file_format="array_record")
        config = builder.builder_config
        splits = sample_styles(
            config.seed, config.families, config.family_size, config.categories
        )
        read = {name: list(builder.as_data_source(split=name)) for name in splits}
        for name, styles in splits.items():
            expected = {
                (f"{style.style_id}-{number}", style.style_id, color, style.category)
                for style in styles
                for number, color in enumerate(style.colors, start=1)
            }
            assert len(read[name]) == len(expected)
            assert {
                (row["product_id"], row["style_id"], row["color"], row["category"])
                for row in read[name]
            } == {tuple(value.encode() for value in row) for row in expected}
        total = sum(map(len, read.values()))
        assert 40 <= total <= 80

        row = read["train"][0]
        style = next(
            style
            for style in splits["train"]
            if style.style_id == row["style_id"].decode()
        )
        photo = render_photo(style, row["color"].decode(), config.seed)
        # Decoders differ by a level or two; the encoded bytes are the same.
        drawn = np.asarray(Image.open(io.BytesIO(photo)), np.int32)
        assert np.abs(drawn - row["image"]).max() <= 6

    @pytest.mark.integration
    def test_what_is_stored_is_the_very_photo(self, tmp_path, offline):
        builder = tfds.builder("synthetic_color_variants/tiny", data_dir=tmp_path)
        builder.download_and_prepare(file_format="array_record")
        source = builder.as_data_source(
            split="train", decoders={"image": tfds.decode.SkipDecoding()}
        )
        config = builder.builder_config
        styles = sample_styles(
            config.seed, config.families, config.family_size, config.categories
        )["train"]
        by_id = {style.style_id.encode(): style for style in styles}
        row = source[3]
        color = row["color"].decode()
        assert row["image"] == render_photo(by_id[row["style_id"]], color, config.seed)

    def test_the_default_is_the_small_configuration(self, tmp_path):
        builder = synthetic_color_variants.SyntheticColorVariants(data_dir=tmp_path)
        config = builder.builder_config
        assert config.name == "small"
        splits = sample_styles(
            config.seed, config.families, config.family_size, config.categories
        )
        num_products = {
            name: sum(len(style.colors) for style in styles)
            for name, styles in splits.items()
        }
        assert 550 <= num_products["train"] <= 700
        assert 350 <= num_products["validation"] <= 450
