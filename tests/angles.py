"""Vectors whose similarities can be read off."""

import numpy as np


def at_degrees(*degrees: float) -> np.ndarray:
    """Unit vectors in the plane, float32 `[n, 2]`, at angles."""
    radians = np.deg2rad(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)
