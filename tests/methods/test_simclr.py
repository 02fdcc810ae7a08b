import numpy as np
import pytest
import tensorflow as tf

from cv_tf.losses import nt_xent_loss, part_nt_xent_loss


def test_two_views_of_each_photo_are_contrasted(build, objective, views_of):
    method = build(method="simclr", views="whole", temperature=0.2)
    first, second = (method.encoder(view)[:, 0] for view in views_of(method))
    loss, embeddings = objective(method)
    expected = nt_xent_loss(first, second, 0.2)
    assert float(loss) == pytest.approx(float(expected), rel=1e-4)
    # What a collapse shows in.
    np.testing.assert_allclose(embeddings, first, atol=1e-4)


def test_each_part_is_contrasted_with_its_own_kind(build, objective, views_of):
    method = build(temperature=0.2, whole_weight=1.0)
    first, second = (method.encoder(view) for view in views_of(method))
    # The whole against the mean of the parts, of which there are two here.
    expected = part_nt_xent_loss(first, second, 0.2, part_weights=[2.0, 1.0, 1.0])
    assert float(objective(method)[0]) == pytest.approx(float(expected), rel=1e-4)


def test_an_aggregate_is_contrasted_once(build, objective, views_of):
    method = build(temperature=0.2, aggregate="mean")
    first, second = (method.encoder(view)[:, 0] for view in views_of(method))
    expected = nt_xent_loss(first, second, 0.2)
    assert float(objective(method)[0]) == pytest.approx(float(expected), rel=1e-4)


def test_both_views_get_a_gradient(build, objective, views_of):
    method = build()
    variables = method.learned_variables
    with tf.GradientTape() as tape:
        loss, _ = objective(method)
    gradients = tape.gradient(loss, variables)
    with tf.GradientTape() as tape:
        first, second = (method.encoder(view) for view in views_of(method))
        expected = part_nt_xent_loss(first, second)
    for got, want in zip(gradients, tape.gradient(expected, variables), strict=True):
        np.testing.assert_allclose(got, want, atol=1e-4)


def test_part_contrast_is_simclr_on_parts(build, objective):
    loss, _ = objective(build(method="part_contrast"))
    same, _ = objective(build(method="simclr", views="parts"))
    assert loss == same
