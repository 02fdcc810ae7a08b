"""What holds for every method, on every kind of views."""

from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from few import few

from cv_tf import choices
from cv_tf.methods import TwoViews
from cv_tf.vision import RandomCrops, SmallMoves

METHODS = [name for name in choices.METHODS if name != "frozen"]
SELF_SUPERVISED = [name for name in METHODS if name not in choices.SUPERVISED]
# A loss of a batch, a queue, and labels: `make test` tries what holds for all on these.
FEW = ("part_contrast", "moco", "triplet")
VIEWS = ("crops", "whole", "parts")
EACH = [
    {"method": method, "views": views}
    for method in METHODS
    for views in VIEWS
    if method != "part_contrast" or views == "parts"
]
MORE = [
    {"method": "simclr", "views": "parts", "whole_weight": 1.0},
    {"method": "moco", "views": "parts", "aggregate": "mean", "parts_from": "pixels"},
    {"method": "moco", "views": "crops", "freeze_batch_norm": False},
    {"method": "byol", "views": "parts", "freeze_batch_norm": False},
    {"method": "part_contrast", "micro_batch": 2},
    {"method": "byol", "views": "parts", "micro_batch": 4},
]


def _name(settings):
    return "-".join(map(str, settings.values()))


def _with_each(value, other):
    """Few methods with a value, one with the other; all others are slow."""
    first = [(method, value) for method in FEW] + [("part_contrast", other)]
    return few(*first, more=product(METHODS, (value, other)))


PARTS = [case for case in EACH if case["views"] == "parts"]
each = pytest.mark.parametrize("settings", few(*PARTS, more=EACH), ids=_name)
# Crops and wholes are one to a compiler, which takes ten seconds of a core a case.
COMPILED = [case for case in EACH if case["views"] != "whole"] + MORE


@each
def test_views_are_what_was_asked_for(build, settings):
    method = build(flip=0.25, **settings)
    geometry = method.views.geometry
    crops = settings["views"] == "crops"
    assert type(geometry) is (RandomCrops if crops else SmallMoves)
    assert geometry.flip == 0.25
    if isinstance(method, TwoViews):
        # One projection, or one of each of the two parts.
        assert method.encoder.num_parts == (2 if settings["views"] == "parts" else 1)


@pytest.mark.integration
# All but triplets draw two views by one function; MoCo's queue comes between.
@pytest.mark.parametrize(
    "settings",
    few(*(case for case in PARTS if case["method"] in FEW), more=EACH),
    ids=_name,
)
def test_a_step_decides_the_views_and_nothing_else_does(build, objective, settings):
    one, again, other = (build(seed=seed, **settings) for seed in (3, 3, 4))
    for method in (one, again, other):
        if settings["method"] == "moco":  # The first loss is 0, whatever is seen.
            objective(method, step=0)
    loss = float(objective(one, step=5)[0])
    assert float(objective(again, step=5)[0]) == loss
    assert float(objective(other, step=5)[0]) != loss
    if settings["method"] != "moco":
        assert float(objective(one, step=5)[0]) == loss
    assert float(objective(one, step=6)[0]) != loss


@pytest.mark.integration
@pytest.mark.parametrize("method", few(*FEW[:2], more=SELF_SUPERVISED))
def test_no_label_is_looked_at(build, objective, method):
    losses = []
    for styles in ([0, 0, 1, 1, 2, 2, 3, 3], [-1] * 8):
        learner = build(method=method)
        objective(learner, step=0, style=tf.constant(styles))
        losses.append(objective(learner, step=1, style=tf.constant(styles))[0])
    assert losses[0] == losses[1]
    assert losses[0] != 0.0


@pytest.mark.integration
@pytest.mark.parametrize(("method", "color_input"), _with_each("grey", "rgb"))
def test_views_have_the_color_that_the_embedder_is_trained_on(
    build, objective, batch, method, color_input
):
    # A photo and another hue of the same luma.
    hues = tf.constant([[[[40.0, 0.0, -40.0 * 0.299 / 0.114]]]])
    photos = 0.2 * tf.cast(batch["image"], tf.float32) + 115.0
    losses = []
    for image in (photos, photos + hues):
        learner = build(method=method, color_input=color_input)
        as_they_are = SimpleNamespace(planes=lambda planes, seed, rows: planes)
        learner.views.color = as_they_are
        objective(learner, step=0, image=image)
        losses.append(float(objective(learner, step=1, image=image)[0]))
    same = losses[0] == pytest.approx(losses[1], rel=1e-3)
    assert same == (color_input == "grey")


@pytest.mark.integration
@pytest.mark.parametrize("method", few(*FEW, more=METHODS))
def test_the_embedder_shares_the_backbone_that_learns(build, batch, method):
    learner = build(method=method)
    learner.compile(keras.optimizers.SGD(0.1))
    before = learner.embedder(batch["image"])
    for _ in range(2):
        learner.train_step(batch)
    assert np.abs(learner.embedder(batch["image"]) - before).max() > 1e-4


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.parametrize("settings", COMPILED, ids=_name)
def test_a_compiled_step_equals_an_eager_one(assert_compiled_equals_eager, settings):
    assert_compiled_equals_eager(**settings)


@pytest.mark.integration
@pytest.mark.parametrize(("method", "precision"), _with_each("float16", "bfloat16"))
def test_it_trains_in_half_precision(
    assert_trains_in_half_precision, precision, method
):
    assert_trains_in_half_precision(precision, method=method)


@pytest.mark.integration
@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_it_runs_compiled_under_fit_several_steps_a_call(build, batch, method):
    learner = build(method=method)
    learner.compile(keras.optimizers.SGD(0.1), jit_compile=True, steps_per_execution=2)
    steps = tf.data.Dataset.from_tensors(batch).repeat()
    history = learner.fit(steps, steps_per_epoch=4, verbose=0).history
    assert int(learner.step) == 4
    assert np.isfinite(history["loss"]).all()
