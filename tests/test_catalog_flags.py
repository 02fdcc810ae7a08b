"""What --catalog, --columns and --image_base say on the command line."""

import re

import pytest
from PIL import Image

HATS = "\n".join(
    f'{number},simple,HAT-{number},Hat,1,Hats,"hat.png, gone.png",,,'
    for number in range(4, 20)
)
EXPORT = f"""ID,Type,SKU,Name,Published,Categories,Images,Parent,Attribute 1 name,\
Attribute 1 value(s)
1,variable,BAG,Bag,1,Bags,bag.png,,Color,"Red, Blue"
2,variation,BAG-R,Bag - Red,1,,"worn.png, red.png",BAG,Color,Red
3,variation,BAG-B,Bag - Blue,1,,blue.png,BAG,Color,Blue
{HATS}
"""


@pytest.fixture
def folder(tmp_path):
    """A folder with an export of WooCommerce, and its photos in `photos`."""
    (tmp_path / "photos").mkdir()
    for name in ("red", "blue", "hat"):
        photo = Image.new("RGB", (64, 64), "white")
        photo.paste({"hat": "green"}.get(name, name), (16, 16, 48, 48))
        photo.save(tmp_path / "photos" / f"{name}.png")
    Image.effect_noise((64, 64), 90).save(tmp_path / "photos" / "worn.png")
    (tmp_path / "woo.csv").write_text(EXPORT, encoding="utf-8")
    return tmp_path


@pytest.mark.integration
def test_an_export_is_read_as_it_is(folder, run_verb):
    process = run_verb(
        "inspect",
        *("--backbone=tiny", "--weights=none", "--image_size=32", "--batch_size=2"),
        *("--products=3", "--views_each=2", f"--image_base={folder}/photos"),
        *(f"--catalog={folder}/woo.csv", f"--output={folder}/views.html"),
    )
    assert process.returncode == 0, process.stderr
    page = (folder / "views.html").read_text(encoding="utf-8")
    assert len({*re.findall(r"\bBAG-[RB]\b|\bHAT-\d+\b", page)}) == 3
    said = process.stderr
    assert "woo.csv is read as a product export of WooCommerce: product_id from" in said
    assert "woo.csv: 18 products are in 19 rows." in said
    assert "photos of products that have others cannot be used, such as" in said
    assert "gone.png: the file is missing" in said


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["--catalog=wo.csv"], "wo.csv does not exist. Did you mean 'woo.csv'?"),
        (
            ["--catalog=woo.csv", "--columns=shopfy"],
            "woo.csv: --columns=shopfy is no layout",
        ),
        (["--catalog=woo.csv", "--columns=shopify"], "is not a product export of Shop"),
        (
            ["--catalog=woo.csv", "--columns=product_id:Sku"],
            "woo.csv has no column 'Sku'; it has 'ID', 'Type', 'SKU'",
        ),
        (
            ["--catalog=woo.csv", "--image_base=photo"],
            "--image_base=photo is no folder",
        ),
    ],
)
def test_what_is_wrong_is_told(flags, expected, folder, run_verb, monkeypatch):
    monkeypatch.chdir(folder)
    process = run_verb("inspect", *flags, "--output=views.html")
    assert process.returncode == 1
    assert expected in process.stderr.splitlines()[-1]
    assert not (folder / "views.html").exists()
