"""A backbone to train: frozen batch normalization goes into its convolutions."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras


@keras.utils.register_keras_serializable(package="cv_tf")
class FoldedConvolution(keras.layers.Layer):
    """A convolution and the frozen batch normalization behind it, as one convolution.

    Their outputs and the gradients of the convolution's weights are the same up to
    rounding. The feature map is written once and not twice, and no gradient is found by
    numbers that do not learn.

    Args:
      convolution: A `Conv2D` or `DepthwiseConv2D` without an activation.
      normalization: A `BatchNormalization` of the channels.
    """

    def __init__(
        self,
        convolution: keras.layers.Layer,
        normalization: keras.layers.BatchNormalization,
        **kwargs,
    ):
        # The kernel is scaled in float32, whatever the precision of the maps.
        super().__init__(**{**kwargs, "dtype": "float32", "autocast": False})
        self.convolution = convolution
        self.normalization = normalization

    def build(self, input_shape):
        """Makes the weights of a copy."""
        if not self.convolution.built:
            self.convolution.build(input_shape)
            self.normalization.build(self.convolution.compute_output_shape(input_shape))
        super().build(input_shape)

    def call(self, inputs):
        """`[batch, height, width, channels]` to the convolution's shape."""
        convolution, norm = self.convolution, self.normalization
        scale = tf.math.rsqrt(norm.moving_variance + norm.epsilon)
        if norm.scale:
            scale *= norm.gamma
        offset = -norm.moving_mean * scale
        if norm.center:
            offset += norm.beta
        if convolution.use_bias:
            offset += convolution.bias * scale
        if isinstance(convolution, keras.layers.DepthwiseConv2D):
            # A channel's filters are beside each other, as its maps are.
            scale = tf.reshape(scale, convolution.depthwise_kernel.shape[2:])
            outputs = keras.backend.depthwise_conv2d(
                inputs,
                tf.cast(convolution.depthwise_kernel * scale, inputs.dtype),
                strides=convolution.strides,
                padding=convolution.padding,
                dilation_rate=convolution.dilation_rate,
                data_format=convolution.data_format,
            )
        else:
            kernel = tf.cast(convolution.kernel * scale, inputs.dtype)
            outputs = convolution.convolution_op(inputs, kernel)
        return tf.nn.bias_add(outputs, tf.cast(offset, outputs.dtype))

    def get_config(self):
        """The arguments of this layer."""
        return {
            **super().get_config(),
            "convolution": keras.layers.serialize(self.convolution),
            "normalization": keras.layers.serialize(self.normalization),
        }

    @classmethod
    def from_config(cls, config):
        """A layer with weights of its own."""
        layers = {
            name: keras.layers.deserialize(config.pop(name))
            for name in ("convolution", "normalization")
        }
        return cls(**layers, **config)


def fold_frozen_norms(backbone: keras.Model) -> keras.Model:
    """The same network with the same weights, faster to train.

    Each frozen batch normalization right behind a convolution becomes a part of it.
    Normalization that learns stays as it is.

    Args:
      backbone: Of `cv_tf.models.build_backbone`.

    Returns:
      A model that shares all weights with `backbone`; it is for training, what is kept
      is the backbone.
    """
    followers = {}
    for layer in backbone.layers:
        if _is_frozen_norm(layer):
            before = layer.inbound_nodes[0].inbound_layers
            if _can_take_in(before):
                followers[before.name] = layer
    folded = {norm.name for norm in followers.values()}

    def replace(layer: keras.layers.Layer) -> keras.layers.Layer:
        if layer.name in followers:
            return FoldedConvolution(layer, followers[layer.name], name=layer.name)
        if layer.name in folded:
            return keras.layers.Activation("linear", name=layer.name)
        return layer

    return keras.models.clone_model(backbone, clone_function=replace)


def _is_frozen_norm(layer: keras.layers.Layer) -> bool:
    return (
        isinstance(layer, keras.layers.BatchNormalization)
        and not layer.trainable
        and list(layer.axis) == [3]
    )


def _can_take_in(layer: object) -> bool:
    """Whether nothing but the normalization behind it sees a convolution's output."""
    return (
        isinstance(layer, (keras.layers.Conv2D, keras.layers.DepthwiseConv2D))
        and layer.data_format == "channels_last"
        and layer.activation is keras.activations.linear
        and len({node.layer.name for node in layer.outbound_nodes}) == 1
    )
