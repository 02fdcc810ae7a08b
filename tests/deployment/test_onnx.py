import numpy as np
import pytest

from cv_tf.deployment.savedmodel import load_onnx, write_onnx

for package in ("tf2onnx", "onnxruntime"):
    pytest.importorskip(package, reason="the extra 'onnx' is not installed")


@pytest.mark.integration
def test_vectors_are_those_of_the_embedder(tiny_embedder, images, vectors, tmp_path):
    path = tmp_path / "tiny.onnx"
    write_onnx(tiny_embedder, path)
    of_images = load_onnx(path)
    np.testing.assert_allclose(of_images(images), vectors, atol=1e-5)
    np.testing.assert_allclose(of_images(images[:1]), vectors[:1], atol=1e-5)
