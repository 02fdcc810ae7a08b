import numpy as np
import pytest
import tensorflow as tf

from cv_tf.addons import import_addons
from cv_tf.losses import triplet_semihard_loss
from cv_tf.vision import color_input


def _objective(method, batch, step=0, **changes):
    batch = {**batch, **changes}
    seed = tf.constant([method.seed, step])
    return method.objective(batch["image"], batch["style"], seed)


@pytest.mark.parametrize("color", ["grey", "rgb"])
@pytest.mark.parametrize("embedding", ["whole", "parts"])
@pytest.mark.parametrize("distance", ["angular", "squared-L2"])
def test_it_is_the_loss_of_the_embedded_views(build, batch, color, embedding, distance):
    method = build(
        method="triplet",
        color_input=color,
        embedding=embedding,
        distance=distance,
        margin=0.4,
    )
    views = method.views(batch["image"], tf.constant([0, 3]))
    expected = method.embedder.with_options(average="none")(color_input(views, color))
    loss, embeddings = _objective(method, batch, step=3)
    np.testing.assert_allclose(embeddings, expected, atol=1e-5)
    expected_loss = triplet_semihard_loss(batch["style"], expected, 0.4, distance)
    assert float(loss) == pytest.approx(float(expected_loss), rel=1e-4)
    assert loss > 0


def test_styles_decide(build, batch):
    method = build(method="triplet")
    loss, _ = _objective(method, batch)
    other, _ = _objective(method, batch, style=tf.constant([0, 1, 2, 3] * 2))
    assert float(loss) != pytest.approx(float(other), rel=1e-3)
    # Names of styles are only names.
    renamed, _ = _objective(method, batch, style=batch["style"] * 7 + 2**24)
    assert renamed == loss


def test_a_step_decides_the_views_and_nothing_else_does(build, batch):
    settings = {"method": "triplet", "seed": 3}
    one, again = build(**settings), build(**settings)
    other = build(**{**settings, "seed": 4})
    loss = float(_objective(one, batch, step=5)[0])
    assert float(_objective(again, batch, step=5)[0]) == loss
    assert float(_objective(one, batch, step=6)[0]) != loss
    assert float(_objective(other, batch, step=5)[0]) != loss


def test_only_the_backbone_learns(build):
    method = build(method="triplet", freeze_batch_norm=False)
    learned = {id(variable) for variable in method.learned_variables}
    assert learned == {id(v) for v in method.embedder.backbone.trainable_weights}
    assert len(learned) == 3 * 3


def test_it_learns(build, assert_learns):
    assert_learns(build(method="triplet"), factor=0.8)


def test_a_compiled_step_equals_an_eager_one(assert_compiled_equals_eager):
    assert_compiled_equals_eager(method="triplet", embedding="parts")


@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_it_trains_in_half_precision(assert_trains_in_half_precision, precision):
    assert_trains_in_half_precision(precision, method="triplet")


@pytest.mark.parametrize("distance", ["angular", "L2", "squared-L2"])
def test_the_loss_of_addons_is_the_same(build, batch, distance):
    try:
        import_addons()
    except ImportError as error:
        pytest.skip(str(error))
    losses = [
        _objective(
            build(method="triplet", triplet_loss=name, distance=distance, margin=0.3),
            batch,
        )[0]
        for name in ("native", "addons")
    ]
    assert float(losses[1]) == pytest.approx(float(losses[0]), rel=1e-4)
