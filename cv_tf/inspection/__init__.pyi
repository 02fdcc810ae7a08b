from .agreement import (
    Agreement as Agreement,
    part_agreement as part_agreement,
)
from .previews import (
    Preview as Preview,
    Previews as Previews,
    preview as preview,
    preview_first_batch as preview_first_batch,
)
