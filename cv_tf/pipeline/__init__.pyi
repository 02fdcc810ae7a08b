from .decode import DecodingPlan as DecodingPlan
from .file_formats import BadImageError as BadImageError
from .frame_outcomes import FrameSummary as FrameSummary
from .image_files import open_image as open_image, plain_rgb as plain_rgb
from .loading import (
    find_packshots as find_packshots,
    load_photos as load_photos,
    photos_of as photos_of,
    scan_photos as scan_photos,
)
from .orders import BlockOrder as BlockOrder, RandomOrder as RandomOrder
from .photo_files import photo_content as photo_content
from .photos import (
    Photos as Photos,
    Reject as Reject,
    most_frequent as most_frequent,
    write_rejects as write_rejects,
)
from .scan import (
    may_pass as may_pass,
    photo_digests as photo_digests,
    remember_digests as remember_digests,
)
from .scan_cache import default_folder as default_folder, is_digest as is_digest
from .squares import read_squares as read_squares
from .stream import Shares as Shares, batches as batches, in_order as in_order
from .style_order import StyleOrder as StyleOrder
