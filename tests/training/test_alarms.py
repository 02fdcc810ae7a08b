"""Runs that cannot end well are stopped, and those that can are not."""

import types

import pytest

from cv_tf.training.alarms import (
    CollapseError,
    NonFiniteLossError,
    StopWhenCollapsed,
    StopWhenNotFinite,
)


def go(callback, step: int, **logs: float) -> None:
    """Ends an execution after the given step."""
    callback.set_model(types.SimpleNamespace(steps_made=step))
    callback.on_train_batch_end(0, logs)


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), -float("inf")])
def test_a_loss_that_is_no_number_stops_the_run(loss):
    stop = StopWhenNotFinite(6)
    go(stop, 7, loss=1e30)
    with pytest.raises(NonFiniteLossError, match="at step 8") as error:
        go(stop, 8, loss=loss)
    assert str(loss) in str(error.value)
    assert "--learning_rate" in str(error.value)


HEALTHY = {"embedding_std": 0.2, "rank": 30.0}
COLLAPSED = [
    {"embedding_std": 0.029, "rank": 30.0},
    {"embedding_std": 0.2, "rank": 1.4},
]


@pytest.mark.parametrize("collapsed", COLLAPSED)
def test_a_collapse_that_lasts_stops_the_run(collapsed):
    stop = StopWhenCollapsed(20, "simclr")
    go(stop, 21, **HEALTHY)
    for step in range(22, 31):
        go(stop, step, **collapsed)
    with pytest.raises(CollapseError, match="since step 22 all products") as error:
        go(stop, 31, **collapsed)
    assert "0.200 at its best" in str(error.value)


@pytest.mark.parametrize("collapsed", COLLAPSED)
def test_one_that_passes_does_not(collapsed):
    stop = StopWhenCollapsed(0, "simclr")
    for step in range(1, 60):
        state = HEALTHY if step % 10 == 1 else collapsed
        go(stop, step, **state)


def test_several_steps_an_execution_are_counted_as_such():
    stop = StopWhenCollapsed(0, "simclr")
    go(stop, 50, embedding_std=0.3, rank=9.0)
    with pytest.raises(CollapseError, match="since step 51"):
        go(stop, 100, embedding_std=0.01, rank=9.0)


def test_a_rank_that_falls_to_a_fifth_is_let_go_on():
    stop = StopWhenCollapsed(0, "byol")
    for step in range(1, 40):
        go(stop, step, embedding_std=0.8, rank=max(36.0 - step, 6.5))


def test_networks_that_begin_with_a_small_deviation_are_let_go_on():
    stop = StopWhenCollapsed(0, "simclr")
    for step in range(1, 40):
        go(stop, step, embedding_std=0.02, rank=1.4)


@pytest.mark.parametrize(
    ("method", "advice"),
    [
        ("byol", "raise --momentum"),
        ("simsiam", "--predictor_hidden"),
        ("moco", "raise --batch_size"),
    ],
)
def test_it_says_what_to_change(method, advice):
    stop = StopWhenCollapsed(0, method)
    go(stop, 0, embedding_std=0.3, rank=9.0)
    with pytest.raises(CollapseError, match=r"Lower --learning_rate.* --workdir") as e:
        for step in range(30):
            go(stop, step, embedding_std=0.0, rank=0.0)
    assert advice in str(e.value)
