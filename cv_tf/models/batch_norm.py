"""Batch normalization of a batch that is spread over replicas."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras


def normalize_together(model: keras.Model) -> None:
    """Makes layers that learn normalize by the whole batch, not by a replica's share.

    Without several replicas there is nothing to do.

    Args:
      model: Built under its strategy.
    """
    if tf.distribute.get_strategy().num_replicas_in_sync == 1:
        return
    for layer in model.submodules:
        if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable:
            # The fused kernel knows its own replica only.
            layer.synchronized, layer.fused = True, False
