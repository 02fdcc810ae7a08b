"""Callbacks that stop a run that cannot end well."""

from __future__ import annotations

import math

from cv_tf.training.callbacks import StepCallback


class NonFiniteLossError(ValueError):
    """The loss is no number any more."""


class StopWhenNotFinite(StepCallback):
    """Stops the run at the first loss that is not a finite number."""

    def on_steps(self, before, step, logs):  # noqa: ARG002
        """See `StepCallback`."""
        if not math.isfinite(logs["loss"]):
            raise NonFiniteLossError(
                f"The loss is {logs['loss']} at step {step}. Lower --learning_rate, "
                "set --clip_norm=1, or pass --mixed_precision=none, with a new "
                "--workdir; this one keeps its last checkpoint from before."
            )


# Of their best; a rank a fifth of it is common to healthy runs without negatives.
_LEAST_SHARES = {"spread": 0.2, "rank": 0.05}
_PATIENCE = 10  # Steps.


class CollapseError(ValueError):
    """All embeddings have become one, or lie on one line."""


class StopWhenCollapsed(StepCallback):
    """Stops the run when the embeddings of a batch tell products apart no more.

    That is, when their spread or their rank is a small part of what it was. A healthy
    run may pass through such a state for a step or two, so that it has to last. Not for
    supervised methods, whose rank ends at the number of styles in a batch.

    Args:
      start_step: As `StepCallback`.
      method: Name of what is trained, which says what to change.
    """

    def __init__(self, start_step: int, method: str):
        super().__init__(start_step)
        self._method = method
        self._best = dict.fromkeys(_LEAST_SHARES, 0.0)
        self._healthy = start_step

    def on_steps(self, before, step, logs):  # noqa: ARG002
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
                f"respects. At step {step} their spread is {logs['spread']:.3f}, "
                f"{self._best['spread']:.3f} at its best; their rank is "
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
