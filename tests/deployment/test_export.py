import pytest
from few import few

from cv_tf.catalog import CatalogError, read_catalog
from cv_tf.deployment import bundle, draw_photos, export_embedder
from cv_tf.deployment.bundle import ExportError


@pytest.mark.integration
@pytest.mark.parametrize(("most", "drawn"), [(12, 12), (1000, 45)])
def test_photos_are_drawn_once_each(drawn_catalog, most, drawn):
    catalog = read_catalog(drawn_catalog)
    photos = draw_photos(catalog, 32, "auto", "", most)
    ids = set(photos.catalog.product_id)
    assert len(photos) == len(ids) == drawn
    assert ids <= set(catalog.product_id)
    again = draw_photos(catalog, 32, "auto", "", most)
    assert list(again.catalog.product_id) == list(photos.catalog.product_id)


@pytest.mark.integration
def test_no_photo_that_can_be_used(tmp_path):
    (tmp_path / "catalog.csv").write_text("product_id,image\nA,gone.jpg\n")
    catalog = read_catalog(tmp_path / "catalog.csv", ())
    with pytest.raises(CatalogError, match="none of the 1 photos drawn"):
        draw_photos(catalog, 32, "auto", "", most=9)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("format_", "load"),
    few(("tflite", "load_tflite"), more=[("savedmodel", "load_savedmodel")]),
)
def test_what_does_not_agree_is_not_kept(
    format_, load, tiny_embedder, drawn_photos, vectors, tmp_path, monkeypatch
):
    def other(photos):
        return vectors[:, ::-1]

    loaded = (other, other) if format_ == "savedmodel" else other
    monkeypatch.setattr(bundle, load, lambda path: loaded)
    monkeypatch.setattr(
        bundle, "_of_files", lambda of_photos, photos: of_photos(photos)
    )
    output = tmp_path / "export"
    if format_ == "tflite":
        output = tmp_path / "export.tflite"
        output.write_text("old")
    with pytest.raises(ExportError, match="The export is not kept"):
        export_embedder(tiny_embedder, format_, "float32", True, drawn_photos, output)
    left = [path.name for path in tmp_path.iterdir()]
    assert left == (["export.tflite"] if format_ == "tflite" else [])
    assert format_ == "savedmodel" or output.read_text() == "old"
