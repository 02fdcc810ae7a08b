"""The SavedModel, as TensorFlow and as TensorFlow Serving call it."""

import base64
import json

import numpy as np
import pytest
import tensorflow as tf

from cv_tf.deployment.savedmodel import load_savedmodel, write_savedmodel

pytestmark = pytest.mark.integration  # Writing and loading one takes four seconds.


@pytest.fixture(scope="module")
def folder(tiny_embedder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exports") / "1"
    write_savedmodel(tiny_embedder, find_frame=True, folder=folder)
    return folder


def predict(folder, request: str) -> str:
    """What TensorFlow Serving answers to POST .../models/NAME:predict.

    A request of a signature with one input has its values as instances, bytes in
    base64; the answer of a signature with one output has its values as predictions.
    """
    request = json.loads(request)
    name = request.get("signature_name", "serving_default")
    signature = tf.saved_model.load(str(folder)).signatures[name]
    _, inputs = signature.structured_input_signature
    ((key, spec),) = inputs.items()
    values = [
        base64.b64decode(value["b64"]) if isinstance(value, dict) else value
        for value in request["instances"]
    ]
    (outputs,) = signature(**{key: tf.constant(values, spec.dtype)}).values()
    return json.dumps({"predictions": outputs.numpy().tolist()})


@pytest.mark.slow
def test_serving_answers_photos(folder, drawn_photos, vectors):
    photos = [drawn_photos.encoded(row) for row in range(3)]
    instances = [{"b64": base64.b64encode(photo).decode()} for photo in photos]
    answer = predict(folder, json.dumps({"instances": instances}))
    found = json.loads(answer)["predictions"]
    np.testing.assert_allclose(found, vectors[:3], atol=1e-5)


def test_serving_answers_images(folder, images, vectors):
    request = {"signature_name": "images", "instances": images[:2].tolist()}
    found = json.loads(predict(folder, json.dumps(request)))["predictions"]
    np.testing.assert_allclose(found, vectors[:2], atol=1e-5)


def test_both_say_what_the_embedder_says(folder, images, drawn_photos, vectors):
    of_photos, of_images = load_savedmodel(folder)
    photos = np.array([drawn_photos.encoded(row) for row in range(len(images))])
    np.testing.assert_allclose(of_photos(photos), vectors, atol=1e-5)
    np.testing.assert_allclose(of_images(images), vectors, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(of_images(images), axis=1), 1, atol=1e-5)


@pytest.mark.slow
def test_without_looking_for_the_product_vectors_are_others(
    tiny_embedder, drawn_photos, vectors, tmp_path
):
    write_savedmodel(tiny_embedder, find_frame=False, folder=tmp_path / "1")
    of_photos, _ = load_savedmodel(tmp_path / "1")
    found = of_photos(np.array([drawn_photos.encoded(0)]))
    assert np.abs(found[0] - vectors[0]).max() > 1e-3
