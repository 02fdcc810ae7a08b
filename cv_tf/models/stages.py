"""Where the stages of a backbone end: its feature maps of each stride."""

from __future__ import annotations

import tf_keras as keras

# The first layer behind the last map of each stride. What goes into it is that map,
# and all that comes before it makes the map and nothing else.
_EFFICIENTNET = {
    4: "block3a_expand_conv",
    8: "block4a_expand_conv",
    16: "block6a_expand_conv",
}
_NEXT_STAGE = {
    "efficientnetlite_b0": _EFFICIENTNET,
    "efficientnetlite_b1": _EFFICIENTNET,
    "efficientnetlite_b2": _EFFICIENTNET,
    "efficientnetv2_s": _EFFICIENTNET,
    "resnet50": {
        4: "conv3_block1_1_conv",
        8: "conv4_block1_1_conv",
        16: "conv5_block1_1_conv",
    },
    "mobilenetv3_small": {
        4: "expanded_conv_1/expand",
        8: "expanded_conv_3/expand",
        16: "expanded_conv_8/expand",
    },
    "convnext_tiny": {
        4: "convnext_tiny_downsampling_block_0",
        8: "convnext_tiny_downsampling_block_1",
        16: "convnext_tiny_downsampling_block_2",
    },
    "tiny": {4: "conv2"},
}


def stage_end(network: keras.Model, name: str, stride: int):
    """The last feature map of a stride, or of the nearest smaller one there is.

    Args:
      network: A backbone as it was built.
      name: Its name, one of `cv_tf.choices.BACKBONES`.
      stride: Pixels between neighboring cells of the map, e.g. 16.

    Returns:
      A symbolic tensor `[batch, height / stride, width / stride, channels]`.
    """
    stages = _NEXT_STAGE[name]
    if stride > max(stages):  # The network's own end comes next.
        return network.outputs[0]
    # Not its `input`: a nested network (of ConvNeXt) calls its own entrance that.
    return network.get_layer(stages[stride]).inbound_nodes[0].input_tensors
