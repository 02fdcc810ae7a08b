import csv
import json
from pathlib import Path

import pytest

COLUMNS = (
    "article_id",
    "product_code",
    "prod_name",
    "product_type_name",
    "product_group_name",
    "graphical_appearance_name",
    "colour_group_name",
    "index_group_name",
    "detail_desc",
)


@pytest.fixture
def hm(drawn_catalog, tmp_path) -> Path:
    """Drawn photos, laid out as the owners of hm_personalized_fashion do."""
    folder = tmp_path / "hm"
    (folder / "images/010").mkdir(parents=True)
    with drawn_catalog.open(newline="", encoding="utf-8") as file:
        products = list(csv.DictReader(file))
    with (folder / "articles.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for place, product in enumerate(products):
            code = f"01{int(product['style_id'].split()[1]):05}"
            words = ["Garment", product["category"], "Garments", "Solid"]
            row = [f"{code}{place:03}", code, *words, product["color"], "Sport", ""]
            writer.writerow(row)
            photo = drawn_catalog.with_name(product["image"]).read_bytes()
            (folder / f"images/010/{row[0]}.jpg").write_bytes(photo)
        writer.writerow(["0199999001", "0199999", *row[2:]])
    return folder


@pytest.mark.integration
def test_a_data_set_is_built_told_and_evaluated(hm, tmp_path, run_verb):
    flags = ["--dataset=hm_personalized_fashion", f"--data_dir={tmp_path / 'data'}"]
    built = run_verb("prepare", *flags, f"--manual_dir={hm}")
    assert built.returncode == 0, built.stderr
    lines = [line.split() for line in built.stdout.splitlines()]
    assert lines[0][:4] == ["hm_personalized_fashion/all/1.0.0", "is", "now", "in"]
    assert lines[2] == ["train", "validation", "test", "all"]
    table = {" ".join(line[:-4]): list(map(int, line[-4:])) for line in lines[3:8]}
    assert set(table) == {
        "products",
        "without a style",
        "styles",
        "of two or more",
        "blocks",
    }
    for name, (*parts, total) in table.items():
        assert sum(parts) == total or name == "blocks"
    assert (table["products"][-1], table["styles"][-1]) == (45, 18)
    assert (table["of two or more"][-1], table["blocks"][-1]) == (18, 2)
    assert lines[-1] == ["no", "photo", "1", "0199999001"]

    output = tmp_path / "figures.json"
    tiny = ["--method=frozen", "--backbone=tiny", "--weights=none", "--whiten=none"]
    tiny += ["--image_size=32", "--average=none", f"--output={output}"]
    evaluated = run_verb("evaluate", *flags, *tiny)
    assert evaluated.returncode == 0, evaluated.stderr
    figures = json.loads(output.read_text())
    assert figures["num_products"] == table["products"][1]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--dataset=hm_personalised_fashion"], "Did you mean 'hm_personalized_fash"),
        (
            ["--dataset=hm_personalized_fashion/loose"],
            "configs: all, solid, strict, variants",
        ),
        (
            ["--dataset=deepfashion_inshop", "--manual_dir=/nowhere/at/all"],
            "There is no folder '/nowhere/at/all' to find 'Eval/list_eval_partition",
        ),
        (["--dataset=fashion_product_images"], "downloads/manual does not exist"),
    ],
)
def test_what_is_not_there_is_told_in_plain_words(flags, message, tmp_path, run_verb):
    finished = run_verb("prepare", *flags, f"--data_dir={tmp_path}")
    assert (finished.returncode, finished.stdout) == (1, "")
    assert message in finished.stderr
    assert "Failed: " in finished.stderr
    assert "Traceback" not in finished.stderr


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "Wrong use: --dataset is not set."),
        (["--datasets=x"], "Wrong use: Unknown command line flag 'datasets'"),
    ],
)
def test_wrong_use(flags, message, run_verb):
    finished = run_verb("prepare", *flags, tensorflow=False)
    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr.startswith(message)


def test_help_needs_no_tensorflow(run_verb):
    finished = run_verb("prepare", "--help", tensorflow=False)
    assert (finished.returncode, finished.stderr) == (0, "")
    assert "--dataset=hm_personalized_fashion/strict" in finished.stdout
    assert "--manual_dir=\n      Folder of the owner's files" in finished.stdout
