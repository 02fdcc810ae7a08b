"""Losses: each a pure function on tensors and a thin Keras loss over it."""

from cv_tf.losses.distances import pairwise_distances
from cv_tf.losses.nt_xent import (
    NTXentLoss,
    WholeBatch,
    info_nce,
    nt_xent_loss,
    nt_xent_per_product,
)
from cv_tf.losses.part_nt_xent import (
    PartNTXentLoss,
    part_nt_xent_loss,
    part_nt_xent_per_product,
)
from cv_tf.losses.sup_con import SupConLoss, sup_con_loss, sup_con_per_anchor
from cv_tf.losses.triplet_semihard import TripletSemiHardLoss, triplet_semihard_loss

__all__ = [
    "NTXentLoss",
    "PartNTXentLoss",
    "SupConLoss",
    "TripletSemiHardLoss",
    "WholeBatch",
    "info_nce",
    "nt_xent_loss",
    "nt_xent_per_product",
    "pairwise_distances",
    "part_nt_xent_loss",
    "part_nt_xent_per_product",
    "sup_con_loss",
    "sup_con_per_anchor",
    "triplet_semihard_loss",
]
