"""Names of groups that last."""

import numpy as np

from cv_tf.grouping.naming import name_groups, start_from


def _ids(*names):
    ids = np.empty(len(names), object)
    ids[:] = names
    return ids


def test_a_group_is_called_like_the_first_of_its_products():
    named = name_groups(np.array([4, 2, 4, 2]), _ids("d", "c", "a", "e"))
    assert named.group_id.tolist() == ["a", "c", "a", "c"]
    assert named.joined == ()


def test_names_do_not_depend_on_the_order_of_products():
    groups, ids = np.array([0, 0, 1, 2, 2]), _ids("e", "b", "c", "d", "a")
    order = np.array([3, 1, 4, 0, 2])
    again = name_groups(groups[order], ids[order]).group_id
    assert again.tolist() == name_groups(groups, ids).group_id[order].tolist()


def test_a_former_group_keeps_its_name_whatever_joins_it():
    previous = {"m": "m", "n": "m"}
    named = name_groups(np.array([0, 0, 0, 1]), _ids("a", "m", "n", "b"), previous)
    assert named.group_id.tolist() == ["m", "m", "m", "b"]
    assert named.joined == ()


def test_former_groups_that_became_one_keep_the_name_of_the_largest():
    previous = {"a": "a", "p": "p", "q": "p", "z": "z"}
    named = name_groups(np.zeros(5, int), _ids("a", "p", "q", "z", "new"), previous)
    assert set(named.group_id) == {"p"}
    assert named.joined == (("p", ("a", "z")),)


def test_no_two_groups_share_a_name():
    # "a" named its group and left it; now it comes back as another product.
    previous = {"b": "a", "c": "a-2"}
    named = name_groups(np.arange(3), _ids("a", "b", "c"), previous)
    assert named.group_id.tolist() == ["a-3", "a", "a-2"]


def test_start_from_keeps_former_groups_and_leaves_new_products_alone():
    previous = {"a": "x", "b": "y", "c": "x", "gone": "x"}
    start = start_from(previous, _ids("c", "new", "a", "b", "newer"))
    _, group = np.unique(start, return_inverse=True)
    assert group[0] == group[2]
    assert len(set(group.tolist())) == 4
