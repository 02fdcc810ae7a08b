import numpy as np
import pytest

from cv_tf.deployment.bundle import compare_vectors
from cv_tf.deployment.tflite import load_tflite, write_tflite


@pytest.fixture(scope="module")
def written(tiny_embedder, tmp_path_factory):
    """A function from a precision to its file, written once."""
    folder = tmp_path_factory.mktemp("tflite")

    def write(precision):
        path = folder / f"{precision}.tflite"
        if not path.exists():
            write_tflite(tiny_embedder, precision, path)
        return path

    return write


@pytest.mark.integration
def test_floats_are_those_of_the_embedder(written, images, vectors):
    found = load_tflite(written("float32"))(images)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, vectors, atol=1e-5)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("precision", "mean"), [("float16", 0.9999), ("int8_weights", 0.99)]
)
def test_fewer_bits_are_close_and_smaller(precision, mean, written, images, vectors):
    found = load_tflite(written(precision))(images)
    assert mean < compare_vectors(vectors, found).mean_cosine <= 1
    assert written(precision).stat().st_size < written("float32").stat().st_size
    assert np.abs(found - vectors).max() > 1e-7  # It is not the same file.


@pytest.mark.integration
def test_a_precision_that_is_none(tiny_embedder, tmp_path):
    with pytest.raises(ValueError, match=r"precision is 'int4'; choose one of"):
        write_tflite(tiny_embedder, "int4", tmp_path / "a.tflite")
