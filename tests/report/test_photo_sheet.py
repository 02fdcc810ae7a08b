import numpy as np
from PIL import Image

from cv_tf.report import pictures as photo_sheet
from cv_tf.report.pictures import write_photo_sheet

RED, BLUE = (250, 10, 10), (10, 10, 250)


def has(sheet, color):
    pixels = np.asarray(Image.open(sheet).convert("RGB"), np.int16)
    return (np.abs(pixels - color).max(axis=-1) <= 5).any()  # JPEG is nearly exact.


def test_shows_files_and_what_is_in_them(tmp_path):
    for name, color in (("red", RED), ("blue", BLUE)):
        Image.new("RGB", (300, 500), color).save(tmp_path / f"{name}.png")
    photos = str(tmp_path / "red.png"), (tmp_path / "blue.png").read_bytes()
    for photo, shown, other in zip(photos, (RED, BLUE), (BLUE, RED), strict=True):
        write_photo_sheet(tmp_path / "sheet.png", "Title", [[("caption", photo)]])
        assert has(tmp_path / "sheet.png", shown)
        assert not has(tmp_path / "sheet.png", other)


def test_says_why_a_photo_is_not_shown(tmp_path, monkeypatch):
    sheets = []
    monkeypatch.setattr(
        photo_sheet, "write_sheet", lambda *args, **_: sheets.append(args)
    )
    write_photo_sheet(tmp_path / "sheet.png", "Title", [[("skirt", b"no photo")]])
    [[captioned]] = sheets[0][2]
    assert captioned.caption == "skirt: not an image"
    assert (captioned.picture == 255).all()
