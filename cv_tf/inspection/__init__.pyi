from .agreement import (
    PairScore as PairScore,
    PartAgreement as PartAgreement,
    part_agreement as part_agreement,
)
from .previews import (
    Preview as Preview,
    Previews as Previews,
    photo_pixels as photo_pixels,
    preview as preview,
    preview_first_batch as preview_first_batch,
)
