import csv

from cv_tf.pipeline import Reject, write_rejects


def test_rejects_are_read_back_as_written(tmp_path):
    rejects = [
        Reject("007", "/a/b, c.jpg", 'not an image ("text")'),
        Reject("caf\xe9", "", "no image given"),
    ]
    path = tmp_path / "rejects.csv"
    write_rejects(path, rejects)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [["product_id", "image", "reason"], *map(list, rejects)]
    assert [p.name for p in tmp_path.iterdir()] == ["rejects.csv"]


def test_no_rejects_replace_earlier_ones(tmp_path):
    path = tmp_path / "rejects.csv"
    write_rejects(path, [Reject("1", "a.jpg", "missing")])
    write_rejects(path, [])
    assert path.read_text(encoding="utf-8").splitlines() == ["product_id,image,reason"]
