"""Every figure that people are shown says what it is."""

from cv_tf.metrics import FIGURES, defined


def test_labels_tell_figures_apart_and_meanings_are_sentences():
    for labels in (
        [figure.label for figure in FIGURES.values()],
        [figure.title for figure in FIGURES.values()],
    ):
        assert len(set(labels)) == len(labels)
    assert all(figure.meaning.endswith(".") for figure in FIGURES.values())


def test_figures_are_in_the_order_in_which_they_are_read():
    figures = {"fms": 0.5, "unheard_of": 1.0, "recall_at_1": 0.75}
    found = [(figure.title, value) for figure, value in defined(figures)]
    assert found == [("recall@1", 0.75), ("FMS", 0.5)]
