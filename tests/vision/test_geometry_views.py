import numpy as np
import pytest
import tensorflow as tf

from cv_tf.vision import RandomCrops, SmallMoves

SIZE = 64
# Coordinates as pixels: channel 0 is the row, channel 1 the column, in fractions.
CENTERS = (np.arange(SIZE) + 0.5) / SIZE
MAP = np.stack(np.meshgrid(CENTERS, CENTERS, indexing="ij"), axis=-1)


def _maps(num_samples):
    return np.tile(MAP.astype(np.float32), (num_samples, 1, 1, 1))


def _boxes(views):
    """Reads the boxes back from views of `_maps`: top, left, height, width."""
    # Inner pixels only: near the ends the edge pixels may repeat.
    near, far = SIZE // 4, 3 * SIZE // 4
    rows, columns = views[:, :, SIZE // 2, 0], views[:, SIZE // 2, :, 1]
    boxes = []
    for positions in (rows, columns):
        slope = (positions[:, far] - positions[:, near]) / (far - near)
        start = positions[:, near] - (near + 0.5) * slope
        boxes.append((start, slope * SIZE))
    (top, height), (left, width) = boxes
    return np.stack([top, left, height, width], axis=1)


def test_no_moves_leave_the_photo_as_it_is():
    photos = np.random.default_rng(0).integers(0, 256, (3, 7, 9, 3), dtype=np.uint8)
    views = SmallMoves(shift=0.0, zoom=(1.0, 1.0), flip=0.0)(photos, [1, 2])
    assert views.dtype == tf.float32
    np.testing.assert_allclose(views, photos, atol=1e-2)
    whole = RandomCrops(area=(1.0, 1.0), aspect=(1.0, 1.0), flip=0.0)
    square = photos[:, :, :7]
    np.testing.assert_allclose(whole(square, [1, 2]), square, atol=1e-2)


def test_sure_flips_mirror_left_and_right():
    photos = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)
    views = SmallMoves(shift=0.0, zoom=(1.0, 1.0), flip=1.0)(photos, [1, 2])
    np.testing.assert_allclose(views, photos[:, :, ::-1], atol=1e-2)


def test_moves_fill_their_ranges_and_keep_the_shape():
    boxes = _boxes(SmallMoves(shift=0.1, zoom=(0.8, 1.1))(_maps(400), [1, 2]).numpy())
    height, width = boxes[:, 2], boxes[:, 3]
    np.testing.assert_allclose(height, width, atol=1e-4)
    zoom = 1.0 / height
    assert zoom.min() >= 0.8 - 1e-3
    assert zoom.max() <= 1.1 + 1e-3
    assert np.ptp(zoom) > 0.28
    for axis in range(2):
        center = boxes[:, axis] + boxes[:, 2 + axis] / 2
        assert np.abs(center - 0.5).max() <= 0.1 + 1e-3
        assert np.ptp(center) > 0.19
        assert abs(np.corrcoef(center, zoom)[0, 1]) < 0.2


def test_flips_come_as_often_as_asked():
    boxes = _boxes(RandomCrops(flip=0.25)(_maps(800), [1, 2]).numpy())
    assert np.mean(boxes[:, 3] < 0) == pytest.approx(0.25, abs=0.05)


def test_crops_have_the_area_and_aspect_asked_for_and_lie_inside():
    layer = RandomCrops(area=(0.2, 0.5), aspect=(0.5, 2.0), flip=0.0)
    top, left, height, width = _boxes(layer(_maps(400), [1, 2]).numpy()).T
    assert top.min() >= -1e-3
    assert left.min() >= -1e-3
    assert (top + height).max() <= 1 + 1e-3
    assert (left + width).max() <= 1 + 1e-3
    # No side reaches the photo's (sqrt(0.5 * 2) = 1), so nothing is cut.
    area, aspect = height * width, width / height
    assert 0.2 - 1e-3 <= area.min() < 0.21
    assert 0.49 < area.max() <= 0.5 + 1e-3
    assert 0.5 - 1e-3 <= aspect.min() < 0.52
    assert 1.9 < aspect.max() <= 2 + 1e-3
    # Log-uniform: as many wide crops as tall ones.
    assert np.mean(aspect > 1) == pytest.approx(0.5, abs=0.1)


def test_a_side_longer_than_the_photo_is_cut_to_it():
    # Half the area at 4 : 1 would be 1.41 wide and 0.354 high.
    layer = RandomCrops(area=(0.5, 0.5), aspect=(4.0, 4.0), flip=0.0)
    top, left, height, width = _boxes(layer(_maps(50), [1, 2]).numpy()).T
    np.testing.assert_allclose(height, np.sqrt(0.125), atol=1e-3)
    np.testing.assert_allclose(width, 1.0, atol=1e-3)
    np.testing.assert_allclose(left, 0.0, atol=1e-3)
    assert np.ptp(top) > 0.5
    layer = RandomCrops(area=(0.5, 0.5), aspect=(0.25, 0.25), flip=0.0)
    top, left, height, width = _boxes(layer(_maps(50), [1, 2]).numpy()).T
    np.testing.assert_allclose(height, 1.0, atol=1e-3)
    np.testing.assert_allclose(width, np.sqrt(0.125), atol=1e-3)


def test_the_aspect_is_counted_in_pixels():
    # A photo of 32 x 64: a square crop of half its area has sides of 32 pixels.
    photos = np.zeros((1, 32, 64, 1), np.float32)
    photos[..., 0] = np.arange(64)
    layer = RandomCrops(area=(0.5, 0.5), aspect=(1.0, 1.0), flip=0.0)
    view = layer(photos, [1, 2]).numpy()[0, 0, :, 0]
    # 32 columns become 64: half a column from pixel to pixel.
    np.testing.assert_allclose(np.diff(view)[2:-2], 0.5, atol=1e-3)


@pytest.mark.parametrize("layer", [SmallMoves(flip=0.5), RandomCrops()])
def test_the_seed_decides_for_each_sample(layer):
    maps = _maps(3)
    views = layer(maps, [1, 2]).numpy()
    np.testing.assert_array_equal(layer(maps, [1, 2]), views)
    assert np.abs(layer(maps, [1, 3]) - views).max(axis=(1, 2, 3)).min() > 1e-3
    assert np.abs(views[0] - views[1]).max() > 1e-3
    assert np.abs(views[1] - views[2]).max() > 1e-3


@pytest.mark.integration
@pytest.mark.parametrize("layer", [SmallMoves(flip=0.5), RandomCrops()])
def test_compiled_equals_eager(layer):
    maps, seed = tf.constant(_maps(3)), tf.constant([3, 4])
    compiled = tf.function(layer, jit_compile=True)
    np.testing.assert_allclose(compiled(maps, seed), layer(maps, seed), atol=1e-4)


@pytest.mark.parametrize(
    "layer",
    [
        SmallMoves(shift=0.2, zoom=(0.7, 0.9), flip=0.3),
        RandomCrops(area=(0.3, 0.4), aspect=(0.9, 1.5), flip=0.1),
    ],
)
def test_arguments_survive_the_config(layer):
    copy = type(layer).from_config(layer.get_config())
    assert copy.get_config() == layer.get_config()
    maps = _maps(2)
    np.testing.assert_array_equal(copy(maps, [1, 2]), layer(maps, [1, 2]))


def test_impossible_arguments_are_refused():
    with pytest.raises(ValueError, match="zoom is a range"):
        SmallMoves(zoom=(1.1, 0.9))
    with pytest.raises(ValueError, match="area is a range"):
        RandomCrops(area=(0.0, 1.0))
    with pytest.raises(ValueError, match="flip is a probability"):
        RandomCrops(flip=-0.5)
