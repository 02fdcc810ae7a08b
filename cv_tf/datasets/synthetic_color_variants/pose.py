"""How a product lies in its photo: what changes from one photo to the next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Pose:
    """A slight displacement of the whole drawing.

    Attributes:
      turn: Rotation about the photo's center, degrees.
      scale: Horizontal and vertical scale, `[2]`.
      shift: Displacement in percent of the photo's height, `[2]`.
      waves: Warp of the cloth, one row a wave: frequency x and y (radians a
        percent), phase, amplitude x and y (percent); `[waves, 5]`.
      limbs: Spread of sleeves and legs beyond the style's own, degrees.
    """

    turn: float
    scale: np.ndarray
    shift: np.ndarray
    waves: np.ndarray
    limbs: float

    def place(self, outline: np.ndarray) -> np.ndarray:
        """Moves design coordinates `[points, 2]` to where this photo shows them."""
        phase = outline @ self.waves[:, :2].T + self.waves[:, 2]
        warped = outline + np.sin(phase) @ self.waves[:, 3:]
        angle = np.radians(self.turn)
        cosine, sine = np.cos(angle), np.sin(angle)
        turned = (
            (warped - (0.0, 50.0))
            * self.scale
            @ np.array([[cosine, sine], [-sine, cosine]])
        )
        return turned + (0.0, 50.0) + self.shift


def sample_pose(rng: np.random.Generator, zoom: float = 1.0) -> Pose:
    """Draws the pose of one photo, taken from `zoom` times as near."""
    num_waves = 3
    waves = np.empty((num_waves, 5))
    waves[:, :2] = rng.uniform(-0.16, 0.16, (num_waves, 2))
    waves[:, 2] = rng.uniform(0.0, 2 * np.pi, num_waves)
    waves[:, 3:] = rng.uniform(-0.55, 0.55, (num_waves, 2))
    return Pose(
        turn=rng.normal(0.0, 2.2),
        scale=zoom * rng.uniform(0.90, 1.06) * (1 + rng.normal(0.0, 0.012, 2)),
        shift=rng.normal(0.0, 1.6, 2),
        waves=waves,
        limbs=rng.normal(0.0, 2.5),
    )
