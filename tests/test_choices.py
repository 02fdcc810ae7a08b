import pytest
import tf_keras as keras

from cv_tf import choices, strategy
from cv_tf.config import Config
from cv_tf.grouping.calibration import CRITERIA
from cv_tf.methods import build_embedder, build_method
from cv_tf.models.backbones import _BUILDERS
from cv_tf.vision import LAYOUTS

# The lists of choices stand apart from the rooms, so that the command line answers
# without TensorFlow. These equalities keep them from drifting apart.


@pytest.mark.parametrize(
    ("listed", "offered"),
    [
        (choices.BACKBONES, _BUILDERS),
        (choices.LAYOUTS, LAYOUTS),
        (choices.CRITERIA, CRITERIA),
    ],
)
def test_what_is_listed_is_what_a_room_offers(listed, offered):
    assert listed == tuple(offered)


@pytest.mark.parametrize("precision", [p for p in choices.PRECISIONS if p != "none"])
def test_precisions_are_those_of_keras(precision):
    policy = keras.mixed_precision.Policy(f"mixed_{precision}")
    assert policy.compute_dtype == precision
    assert policy.variable_dtype == "float32"


@pytest.mark.parametrize("name", choices.METHODS)
def test_methods_are_built_by_their_names(name):
    config = Config(method=name, backbone="tiny", weights="none", image_size=32)
    embedder = build_embedder(config)
    if name == "frozen":
        with pytest.raises(ValueError, match="--method=frozen has nothing to train"):
            build_method(config, embedder)
        return
    method = build_method(config, embedder)
    class_name = {"part_contrast": "simclr"}.get(name, name)
    assert method.__class__.__name__.lower() == class_name
    assert (name in choices.SUPERVISED) == (name in ("supcon", "triplet"))


def test_strategies_are_those_that_can_be_asked_for():
    with pytest.raises(ValueError, match="'quantum'") as error:
        strategy.create("quantum")
    assert ", ".join(choices.STRATEGIES) in str(error.value)
