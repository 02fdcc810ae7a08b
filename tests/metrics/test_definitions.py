"""Every figure that people are shown says what it is."""

from cv_tf.metrics import defined
from cv_tf.metrics.figures import FIGURES


def test_labels_tell_figures_apart_and_meanings_are_sentences():
    labels = [definition.label for definition in FIGURES.values()]
    assert len(set(labels)) == len(labels)
    assert all(definition.meaning.endswith(".") for definition in FIGURES.values())


def test_figures_are_in_the_order_in_which_they_are_read():
    figures = {"fms": 0.5, "unheard_of": 1.0, "recall_at_1": 0.75}
    found = [(definition.label, value) for definition, value in defined(figures)]
    assert found == [("recall@1", 0.75), ("FMS", 0.5)]
