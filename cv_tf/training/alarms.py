"""Callbacks that stop a training that has gone wrong, and say what to change."""

from __future__ import annotations

import math

from cv_tf.errors import UserError
from cv_tf.training.callbacks import StepCallback

# Embeddings have collapsed if a figure is below this share of its best. Healthy runs
# without negatives reach a fifth of their best rank.
_LEAST_SHARES = {"embedding_std": 0.2, "rank": 0.05}
_PATIENCE = 10  # Steps that a collapse has to last.


class NonFiniteLossError(UserError):
    """The loss is not a finite number any more."""


class StopWhenNotFinite(StepCallback):
    """Stops the run at the first loss that is not a finite number."""

    def on_steps(self, before, step, logs):  # noqa: ARG002 (of the base)
        """See `StepCallback`."""
        if not math.isfinite(logs["loss"]):
            raise NonFiniteLossError(
                f"The loss is {logs['loss']} at step {step}. Lower --learning_rate, "
                "set --clip_norm=1, or pass --mixed_precision=none, with a new "
                "--workdir; this one keeps its last checkpoint before that step."
            )


class CollapseError(UserError):
    """The embeddings are nearly equal, or differ in few directions."""


class StopWhenCollapsed(StepCallback):
    """Stops the run when the embeddings of a batch no longer tell products apart.

    That is, when their standard deviation or their rank is a small share of its best,
    for ten steps: a healthy run may pass through such a state for a step or two. Not
    for supervised methods, whose rank falls to the number of styles in a batch. The
    name of the method decides the advice.
    """

    def __init__(self, start_step: int, method: str):
        super().__init__(start_step)
        self._method = method
        self._best = dict.fromkeys(_LEAST_SHARES, 0.0)
        self._healthy = start_step

    def on_steps(self, before, step, logs):  # noqa: ARG002 (of the base)
        """See `StepCallback`."""
        self._best = {name: max(best, logs[name]) for name, best in self._best.items()}
        if all(
            logs[name] >= share * self._best[name]
            for name, share in _LEAST_SHARES.items()
        ):
            self._healthy = step
        elif step - self._healthy >= _PATIENCE:
            raise CollapseError(
                f"The embeddings have collapsed: since step {self._healthy + 1} all "
                "products look nearly the same to the network, or differ in few "
                f"respects. At step {step} the standard deviation of the embeddings is "
                f"{logs['embedding_std']:.3f}, "
                f"{self._best['embedding_std']:.3f} at its best; their rank is "
                f"{logs['rank']:.1f}, {self._best['rank']:.1f} at its best. "
                f"{_advice(self._method)} Use a new --workdir."
            )


def _advice(method: str) -> str:
    return {
        "byol": "Lower --learning_rate, lengthen --warmup_steps, or raise --momentum: "
        "the targets must move more slowly than the predictions.",
        "simsiam": "Lower --learning_rate, lengthen --warmup_steps, or set "
        "--predictor_hidden to a quarter of --projection_dimensions.",
    }.get(
        method,
        "Lower --learning_rate, lengthen --warmup_steps, or raise --batch_size: more "
        "products keep each other apart.",
    )
