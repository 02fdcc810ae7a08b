import io

import numpy as np
import pytest
from crafted_images import (
    ADOBE_RGB,
    DISPLAY_P3,
    PROPHOTO,
    SRGB,
    SRGB_CURVE,
    encode,
    grey_profile,
    ink_profile,
    rgb_profile,
)
from PIL import Image, ImageCms

from cv_tf.catalog import read_catalog
from cv_tf.pipeline import load_photos
from cv_tf.pipeline.examine import examine

PROFILES = {
    "Display P3": rgb_profile(DISPLAY_P3, SRGB_CURVE),
    "Adobe RGB": rgb_profile(ADOBE_RGB, 563 / 256),
    "ProPhoto": rgb_profile(PROPHOTO, 1.8),
}
COLORS = ((180, 60, 50), (60, 120, 70), (50, 60, 140), (120, 120, 120), (30, 30, 30))


def stripes():
    """Stripes of colors that all of the profiles hold."""
    image = Image.new("RGB", (200, 160), "white")
    for i, color in enumerate(COLORS):
        image.paste(color, (20 + 32 * i, 30, 52 + 32 * i, 130))
    return image


def as_in(image, profile):
    """An image of sRGB with the same colors in the numbers of a profile."""
    profile = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    return ImageCms.profileToProfile(image, ImageCms.createProfile("sRGB"), profile)


def lab(pixels):
    """CIELAB (D65) of sRGB pixels, [..., 3]."""
    values = np.asarray(pixels, np.float64) / 255
    linear = np.where(
        values > 0.04045, ((values + 0.055) / 1.055) ** 2.4, values / 12.92
    )
    to_xyz = [
        [0.4124, 0.3576, 0.1805],
        [0.2126, 0.7152, 0.0722],
        [0.0193, 0.1192, 0.9505],
    ]
    xyz = linear @ np.transpose(to_xyz) / [0.9505, 1.0, 1.089]
    root = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    x, y, z = np.moveaxis(root, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_copy_in_another_profile_has_the_same_colors(name, file_format, tmp_path):
    profile = PROFILES[name]
    options = {"JPEG": {"quality": 98, "subsampling": 0}, "WEBP": {"lossless": True}}
    image = as_in(stripes(), profile)
    assert np.abs(np.subtract(image, stripes(), dtype=int)).max() > 8
    with (tmp_path / "a.img").open("wb") as file:
        image.save(
            file, file_format, icc_profile=profile, **options.get(file_format, {})
        )
    stripes().save(tmp_path / "b.png")
    text = "product_id,image\n1,a.img\n2,b.png\n"
    (tmp_path / "c.csv").write_text(text, encoding="utf-8")
    catalog = read_catalog(tmp_path / "c.csv", block_columns=())
    photos = load_photos(catalog, 100, frame="photo", progress=False)
    one, other = (row[10:-10] for row in photos.pixels)
    assert np.abs(one.astype(int) - other).mean() <= 1.5
    for x in (18, 34, 50, 66, 82):  # The middles of the stripes.
        colors = [
            lab(row[30:60, x - 3 : x + 3]).mean(axis=(0, 1)) for row in (one, other)
        ]
        # Of ProPhoto, 8 bits are coarse steps.
        limit = 2 if name == "ProPhoto" else 1
        assert np.linalg.norm(colors[0] - colors[1]) <= limit


def test_profiles_that_change_nothing_leave_the_photo_as_it_is():
    own = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (own, rgb_profile(SRGB, SRGB_CURVE)):
        for file_format, kind in (("JPEG", "jpeg"), ("PNG", "png")):
            encoded = encode(stripes(), file_format, icc_profile=profile)
            assert examine(encoded).kind == kind


@pytest.mark.parametrize(
    "profile",
    [
        b"no profile at all",
        PROFILES["Display P3"][:200],
        grey_profile(1.8),  # For another mode.
        ink_profile((60, -40, -40)),
    ],
)
def test_profiles_that_are_damaged_or_not_of_the_photo_are_ignored(profile):
    for file_format, kind in (("JPEG", "jpeg"), ("PNG", "png")):
        encoded = encode(stripes(), file_format, icc_profile=profile)
        assert examine(encoded).kind == kind


def test_grey_has_its_profile():
    grey = Image.new("L", (60, 40), 100)
    for file_format in ("JPEG", "PNG", "TIFF"):
        encoded = encode(grey, file_format, icc_profile=grey_profile(1.8))
        examined = examine(encoded)
        assert examined.kind == "converted"
        linear = (100 / 255) ** 1.8
        expected = 255 * (1.055 * linear ** (1 / 2.4) - 0.055)
        assert np.abs(examined.thumbnail.astype(float) - expected).max() <= 1


def test_inks_have_their_profile():
    cyan = Image.new("CMYK", (60, 40), (255, 0, 0, 0))
    encoded = encode(cyan, "JPEG", icc_profile=ink_profile((60, -10, -15)), quality=98)
    found = lab(examine(encoded).thumbnail)
    np.testing.assert_allclose(found[64, 64], [60, -10, -15], atol=3)
    plain = examine(encode(cyan, "JPEG", quality=98)).thumbnail[64, 64].astype(int)
    assert np.abs(plain - [0, 255, 255]).max() <= 4


def test_transparent_ones_are_converted_before_they_lie_on_white():
    profile = PROFILES["Display P3"]
    image = as_in(stripes(), profile).convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 80, 200, 160))
    thumbnail = examine(encode(image, "PNG", icc_profile=profile)).thumbnail.astype(int)
    assert np.abs(thumbnail[50, 23] - COLORS[0]).max() <= 2
    assert (thumbnail[90:] == 255).all()


def test_the_copy_says_nothing_of_the_profile_that_it_had():
    encoded = encode(stripes(), "WEBP", icc_profile=PROFILES["Adobe RGB"])
    with Image.open(io.BytesIO(examine(encoded).converted)) as copy:
        assert "icc_profile" not in copy.info


def test_cielab_of_tiff_is_converted():
    image = Image.new("LAB", (20, 20), (153, 118, 113))  # 60, -10 and -15.
    found = lab(examine(encode(image, "TIFF")).thumbnail)
    np.testing.assert_allclose(found[64, 64], [60, -10, -15], atol=3)
