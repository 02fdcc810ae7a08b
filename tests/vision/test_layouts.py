import numpy as np
import pytest

from cv_tf.vision import LAYOUTS, is_symmetric, windows, windows_by_part
from cv_tf.vision.layouts import pixel_windows
from cv_tf.vision.parts import pooling_weights


def test_corners_and_center_of_an_even_image():
    assert pixel_windows("corners_center", 8, 4).tolist() == [
        [0, 0, 4, 2],
        [0, 2, 4, 2],
        [4, 0, 4, 2],
        [4, 2, 4, 2],
        [2, 1, 4, 2],
    ]


def test_sizes_round_up_and_starts_to_the_nearest_pixel():
    # Bands of 10 rows: 3.33 rows each, from 0, 3.33 and 6.67 -> 4 rows from 0, 3, 7,
    # the last one moved to 6 so that it ends with the image.
    assert pixel_windows("thirds", 10, 5).tolist() == [
        [0, 0, 4, 5],
        [3, 0, 4, 5],
        [6, 0, 4, 5],
    ]
    # Four bands: 2.5 rows each, from 0, 2.5, 5 and 7.5.
    tops = pixel_windows("grid_4x4", 10, 4)[::4, 0]
    assert tops.tolist() == [0, 3, 5, 7]
    # Halves of 5 rows share the middle row.
    assert pixel_windows("halves", 5, 2).tolist() == [[0, 0, 3, 2], [2, 0, 3, 2]]


@pytest.mark.parametrize("extent", [9, 12, 96, 129])
def test_fractions_that_divide_the_image_are_exact(extent):
    tops = pixel_windows("thirds", extent, 3)[:, 0].tolist()
    assert tops == [0, extent // 3, 2 * extent // 3]
    assert pixel_windows("thirds", extent, 3)[0, 2] == extent // 3


@pytest.mark.parametrize("layout", ["halves", "thirds", "grid_2x2", "grid_4x4"])
@pytest.mark.parametrize("height", [7, 10, 33])
def test_grids_leave_no_pixel_out_and_stay_inside(layout, height):
    covered = np.zeros((height, 13), dtype=int)
    for top, left, rows, columns in pixel_windows(layout, height, 13):
        patch = covered[top : top + rows, left : left + columns]
        assert patch.shape == (rows, columns)
        patch += 1
    assert covered.min() >= 1


@pytest.mark.parametrize("layout", list(LAYOUTS))
def test_named_layouts_lie_inside_the_frame(layout):
    table = windows(layout)
    assert (table[:, :2] >= 0).all()
    assert (table[:, :2] + table[:, 2:] <= 1 + 1e-9).all()
    assert len({tuple(row) for row in table.tolist()}) == len(table)


def test_grids_count_their_cells_row_by_row():
    assert windows("grid_2x2").tolist() == [
        [0, 0, 0.5, 0.5],
        [0, 0.5, 0.5, 0.5],
        [0.5, 0, 0.5, 0.5],
        [0.5, 0.5, 0.5, 0.5],
    ]
    assert windows("grid_3x3")[5] == pytest.approx([1 / 3, 2 / 3, 1 / 3, 1 / 3])
    assert windows("overlapping_3x3")[4].tolist() == [0.25, 0.25, 0.5, 0.5]


@pytest.mark.parametrize("layout", filter(is_symmetric, LAYOUTS))
def test_symmetric_layouts_and_their_mirror_images_cover_the_frame_once(layout):
    table = windows(layout)
    mirrored = table.copy()
    mirrored[:, 1] = 1 - table[:, 1] - table[:, 3]
    in_the_middle = np.isclose(mirrored[:, 1], table[:, 1])
    both = np.concatenate([table, mirrored[~in_the_middle]])
    assert (both[:, 2] * both[:, 3]).sum() == pytest.approx(1)
    assert len({tuple(row) for row in both.round(6).tolist()}) == len(both)


class TestWindowsByPart:
    def test_a_part_is_its_window(self):
        assert windows_by_part("halves") == (
            ((0.0, 0.0, 0.5, 1.0),),
            ((0.5, 0.0, 0.5, 1.0),),
        )
        assert windows_by_part([[0, 0, 1, 0.25]]) == (((0, 0, 1, 0.25),),)

    def test_a_symmetric_part_is_two_windows_unless_it_lies_in_the_middle(self):
        parts = windows_by_part("symmetric_5x5")
        assert [len(part) for part in parts] == [2, 2, 1] * 5
        fifth = pytest.approx(1 / 5)
        left, right = parts[3]
        assert left == (fifth, 0, fifth, fifth)
        assert right == (fifth, pytest.approx(4 / 5), fifth, fifth)
        assert parts[5] == ((fifth, pytest.approx(2 / 5), fifth, fifth),)

    @pytest.mark.parametrize("layout", filter(is_symmetric, LAYOUTS))
    def test_symmetric_windows_are_those_that_are_pooled(self, layout):
        """A map with 1 in the windows of a part, and 0 elsewhere, gives 1 there."""
        side = 70  # Divides by 5, 7 and 10.
        for weights, part in zip(
            pooling_weights(layout, side, side), windows_by_part(layout), strict=True
        ):
            inside = np.zeros((side, side))
            for top, left, height, width in part:
                rows = slice(round(top * side), round((top + height) * side))
                columns = slice(round(left * side), round((left + width) * side))
                inside[rows, columns] = 1
            assert (weights * inside).sum() == pytest.approx(1)


def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match=r"no part layout 'quarters'.*corners_center"):
        windows("quarters")
    with pytest.raises(ValueError, match=r"got shape \(4,\)"):
        windows([0, 0, 1, 1])
    with pytest.raises(ValueError, match=r"Window 1 .* does not lie inside"):
        windows([[0, 0, 1, 1], [0.6, 0, 0.5, 1]])
    with pytest.raises(ValueError, match="differ in size"):
        pixel_windows([[0, 0, 1, 1], [0, 0, 0.5, 0.5]], 8, 8)
    with pytest.raises(ValueError, match=r"pairs of mirrored windows.*parts_from"):
        pixel_windows("symmetric_5x5", 10, 10)
