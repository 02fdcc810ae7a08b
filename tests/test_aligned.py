import pytest

from cv_tf.command import aligned


def test_names_are_on_the_left_and_numbers_on_the_right():
    rows = [["", "a", "bcd"], ["one", "10", ""], ["three", "7", "1"]]
    assert aligned(rows) == ["        a  bcd", "one    10", "three   7    1"]


def test_rows_are_of_one_length():
    with pytest.raises(ValueError, match="shorter"):
        aligned([["a", "b"], ["c"]])
