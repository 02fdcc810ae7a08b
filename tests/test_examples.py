"""The usage examples in the docstrings of answers, losses, metrics, layers, models."""

import doctest
import inspect
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from cv_tf import answers, losses, metrics, models, vision

PUBLIC = {
    name: getattr(room, name)
    for room in (answers, losses, metrics, models, vision)
    for name in dir(room)
}
EXAMPLES = {
    name: doctest.DocTestParser().get_examples(inspect.getdoc(thing))
    for name, thing in PUBLIC.items()
    if callable(thing) and inspect.getdoc(thing)
}
WITH_EXAMPLE = {name for name, examples in EXAMPLES.items() if examples}


def test_losses_and_layers_have_an_example():
    kinds = (keras.losses.Loss, keras.layers.Layer, keras.Model)
    expected = {
        name
        for name, thing in PUBLIC.items()
        if name.endswith("_loss")
        or (inspect.isclass(thing) and issubclass(thing, kinds))
    }
    # Base classes are not used by themselves.
    assert expected - {"PlaneLayer", "PartLayer", "TemperatureLoss"} <= WITH_EXAMPLE
    assert len(expected) > 15


@pytest.mark.parametrize("name", sorted(WITH_EXAMPLE))
def test_example_does_what_it_says(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {**PUBLIC, "np": np, "tf": tf, "Path": Path}
    example = doctest.DocTest(EXAMPLES[name], names, name, None, None, None)
    assert doctest.DocTestRunner().run(example).failed == 0
