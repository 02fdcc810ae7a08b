from .distances import (
    TemperatureLoss as TemperatureLoss,
    pairwise_distances as pairwise_distances,
)
from .nt_xent import (
    NTXentLoss as NTXentLoss,
    WholeBatch as WholeBatch,
    info_nce as info_nce,
    nt_xent_loss as nt_xent_loss,
    nt_xent_per_product as nt_xent_per_product,
)
from .part_nt_xent import (
    PartNTXentLoss as PartNTXentLoss,
    mean_over_parts as mean_over_parts,
    part_nt_xent_loss as part_nt_xent_loss,
    part_nt_xent_per_product as part_nt_xent_per_product,
    parts_first as parts_first,
)
from .sup_con import (
    SupConLoss as SupConLoss,
    sup_con_loss as sup_con_loss,
    sup_con_per_anchor as sup_con_per_anchor,
)
from .triplet_semihard import (
    TripletSemiHardLoss as TripletSemiHardLoss,
    triplet_semihard_loss as triplet_semihard_loss,
)
