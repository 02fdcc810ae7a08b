from .decode import (
    Plan as Plan,
)
from .loading import (
    load_photos as load_photos,
    photos_of as photos_of,
    scan_photos as scan_photos,
)
from .orders import (
    BlockOrder as BlockOrder,
    RandomOrder as RandomOrder,
)
from .photos import (
    Photos as Photos,
    Shares as Shares,
    batches as batches,
    in_order as in_order,
)
from .scan_cache import (
    Reject as Reject,
    default_folder as default_folder,
    write_rejects as write_rejects,
)
from .squares import (
    read_squares as read_squares,
)
from .style_order import (
    StyleOrder as StyleOrder,
)
