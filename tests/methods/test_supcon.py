import numpy as np
import pytest
import tensorflow as tf

from cv_tf.losses import nt_xent_loss, sup_con_loss


def test_both_views_of_all_products_of_a_style_are_positives(
    build, batch, objective, views_of
):
    method = build(method="supcon", views="parts", temperature=0.3)
    projections = method.encoder(tf.concat(views_of(method), axis=0))
    styles = np.tile(batch["style"], 2)
    expected = np.mean(
        [sup_con_loss(projections[:, part], styles, 0.3) for part in range(2)]
    )
    loss, embeddings = objective(method)
    assert float(loss) == pytest.approx(float(expected), rel=1e-4)
    np.testing.assert_allclose(embeddings, projections[:8, 0], atol=1e-4)


def test_where_each_style_has_one_product_it_is_simclr(build, objective, views_of):
    method = build(method="supcon", views="whole", temperature=0.3)
    first, second = (method.encoder(view)[:, 0] for view in views_of(method))
    loss, _ = objective(method, style=tf.range(8))
    expected = nt_xent_loss(first, second, 0.3)
    assert float(loss) == pytest.approx(float(expected), rel=1e-4)


def test_styles_decide(build, batch, objective):
    method = build(method="supcon")
    loss, _ = objective(method)
    other, _ = objective(method, style=tf.constant([0, 1, 2, 3] * 2))
    assert float(loss) != pytest.approx(float(other), rel=1e-3)
    renamed, _ = objective(method, style=batch["style"] * 7 + 2**24)
    assert renamed == loss
