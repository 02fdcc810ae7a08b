import itertools

import numpy as np
import pytest

from cv_tf.report.pictures import draw_parts
from cv_tf.vision import LAYOUTS, windows_by_part

BLACK = np.zeros((64, 64, 3), np.uint8)


def place(part, num_steps, side):
    """Just within the window of a cell of a grid, off its border and its label."""
    row, column = divmod(part, num_steps)
    cell = side / num_steps
    return round(column * cell + 5), round(row * cell + 5)


def test_parts_have_their_colors_in_their_windows():
    colors = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)]
    picture = draw_parts(BLACK, "grid_2x2", colors=colors)
    assert picture.size == (448, 448)
    for part, color in enumerate(colors):
        seen = np.array(picture.getpixel(place(part, 2, 448)))
        # The photo, black, shows through.
        assert (seen[np.array(color) > 0] > 40).all()
        assert (seen[np.array(color) == 0] == 0).all()


@pytest.mark.parametrize("num_steps", [5, 7, 10])
def test_mirror_images_look_alike(num_steps):
    picture = np.asarray(draw_parts(BLACK, f"symmetric_{num_steps}x{num_steps}"))
    side = len(picture)
    for row in range(num_steps):
        colors = []
        for column in range(num_steps):
            x, y = place(row * num_steps + column, num_steps, side)
            colors.append(tuple(picture[y, x]))
        assert colors == colors[::-1]
        half = colors[: (num_steps + 1) // 2]
        assert all(a != b for a, b in itertools.pairwise(half))


@pytest.mark.parametrize("layout", ["grid_7x7", "symmetric_7x7", "symmetric_10x10"])
def test_neighbors_differ_in_color(layout):
    num_steps = 10 if "10" in layout else 7
    picture = np.asarray(draw_parts(BLACK, layout))
    grid = np.array(
        [
            [
                picture[place(r * num_steps + c, num_steps, len(picture))[::-1]]
                for c in range(num_steps // 2)
            ]
            for r in range(num_steps)
        ]
    )
    assert (grid[1:] != grid[:-1]).any(axis=-1).all()
    assert (grid[:, 1:] != grid[:, :-1]).any(axis=-1).all()


def test_labels_are_of_their_part_alone():
    one = np.asarray(draw_parts(BLACK, "grid_2x2", ["1", "2", "3", "4"]))
    other = np.asarray(draw_parts(BLACK, "grid_2x2", ["1", "2", "7", "4"]))
    rows, columns, _ = np.nonzero(one != other)
    assert len(rows) > 10
    assert rows.min() >= 224
    assert columns.max() < 224


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_drawn_with_two_lines_a_part(layout):
    num_parts = len(LAYOUTS[layout])
    labels = [f"{part}\n-0.88" for part in range(num_parts)]
    picture = np.asarray(draw_parts(BLACK, layout, labels))
    # Labels of another number change pixels in the windows of their part alone.
    labels[-1] = "77\n-0.11"
    differs = (picture != np.asarray(draw_parts(BLACK, layout, labels))).any(axis=-1)
    for top, left, height, width in windows_by_part(layout)[-1]:
        rows = slice(round(448 * top), round(448 * (top + height)))
        columns = slice(round(448 * left), round(448 * (left + width)))
        assert differs[rows, columns].any()
        differs[rows, columns] = False
    assert not differs.any()


def test_large_photos_are_not_made_smaller():
    assert draw_parts(np.zeros((512, 512, 3), np.uint8), "halves").size == (512, 512)


def test_colors_and_labels_of_other_parts_are_refused():
    with pytest.raises(ValueError, match="zip"):
        draw_parts(BLACK, "halves", ["1"])
