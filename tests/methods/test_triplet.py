import numpy as np
import pytest
import tensorflow as tf
from few import few

from cv_tf.losses import triplet_semihard_loss
from cv_tf.methods.build import import_addons
from cv_tf.vision import color_input, pool_parts


@pytest.mark.parametrize("color", few("grey", more=["rgb"]))
@pytest.mark.parametrize("embedding", ["whole", "parts"])
@pytest.mark.parametrize("distance", few("angular", more=["squared-L2"]))
def test_it_is_the_loss_of_the_embedded_views(
    build, objective, batch, color, embedding, distance
):
    method = build(
        method="triplet",
        color_input=color,
        embedding=embedding,
        distance=distance,
        margin=0.4,
    )
    views = method.views(batch["image"], tf.constant([0, 3]))
    expected = method.embedder.with_options(average="none")(color_input(views, color))
    loss, embeddings = objective(method, step=3)
    np.testing.assert_allclose(embeddings, expected, atol=1e-5)
    expected_loss = triplet_semihard_loss(batch["style"], expected, 0.4, distance)
    assert float(loss) == pytest.approx(float(expected_loss), rel=1e-4)
    assert loss > 0


def test_styles_decide(build, objective, batch):
    method = build(method="triplet")
    loss, _ = objective(method)
    other, _ = objective(method, style=tf.constant([0, 1, 2, 3] * 2))
    assert float(loss) != pytest.approx(float(other), rel=1e-3)
    # Names of styles are only names.
    renamed, _ = objective(method, style=batch["style"] * 7 + 2**24)
    assert renamed == loss


def test_only_the_backbone_learns(build):
    method = build(method="triplet", freeze_batch_norm=False)
    learned = {id(variable) for variable in method.learned_variables}
    assert learned == {id(v) for v in method.embedder.backbone.trainable_weights}
    assert len(learned) == 3 * 3


@pytest.mark.slow
@pytest.mark.integration
def test_it_learns(build, assert_learns):
    assert_learns(build(method="triplet"), factor=0.8)


def test_each_part_has_triplets_of_its_own(build, batch, objective):
    method = build(method="triplet", views="parts", margin=0.4)
    views = method.views(batch["image"], tf.constant([0, 3]))
    features = method.embedder.features(color_input(views, "grey"))
    parts = tf.unstack(pool_parts(features, "halves"), axis=1)
    expected = np.mean(
        [triplet_semihard_loss(batch["style"], p, 0.4, "angular") for p in parts]
    )
    loss, _ = objective(method, step=3)
    assert float(loss) == pytest.approx(float(expected), rel=1e-4)


@pytest.mark.integration
@pytest.mark.parametrize("distance", ["angular", "L2", "squared-L2"])
def test_the_loss_of_addons_is_the_same(build, objective, distance):
    try:
        import_addons()
    except ImportError as error:
        pytest.skip(str(error))
    losses = [
        objective(
            build(method="triplet", triplet_loss=name, distance=distance, margin=0.3)
        )[0]
        for name in ("native", "addons")
    ]
    assert float(losses[1]) == pytest.approx(float(losses[0]), rel=1e-4)
