"""From product rows to uint8 batches (tf.data)."""

from cv_tf.pipeline.decode import Plan
from cv_tf.pipeline.open_photos import look_through, prepare
from cv_tf.pipeline.orders import BlockOrder, RandomOrder
from cv_tf.pipeline.photos import Photos, Shares, batches, in_order
from cv_tf.pipeline.scan_cache import Reject, write_rejects
from cv_tf.pipeline.style_order import StyleOrder

__all__ = [
    "BlockOrder",
    "Photos",
    "Plan",
    "RandomOrder",
    "Reject",
    "Shares",
    "StyleOrder",
    "batches",
    "in_order",
    "look_through",
    "prepare",
    "write_rejects",
]
