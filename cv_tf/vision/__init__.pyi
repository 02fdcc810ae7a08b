from .blur import GaussianBlur as GaussianBlur
from .color import (
    ColorInput as ColorInput,
    ColorTransform as ColorTransform,
    color_input as color_input,
)
from .color_names import (
    PALETTE as PALETTE,
    color_difference as color_difference,
    name_colors as name_colors,
)
from .color_views import ColorViews as ColorViews
from .geometry import (
    RandomCrops as RandomCrops,
    SmallMoves as SmallMoves,
    crop_and_resize as crop_and_resize,
)
from .layouts import (
    LAYOUTS as LAYOUTS,
    Layout as Layout,
    Window as Window,
    is_symmetric as is_symmetric,
    windows as windows,
    windows_by_part as windows_by_part,
)
from .parts import (
    FixedParts as FixedParts,
    PartLayer as PartLayer,
    PartPooling as PartPooling,
    pool_parts as pool_parts,
    slice_parts as slice_parts,
)
from .plane_layer import (
    PlaneLayer as PlaneLayer,
    to_images as to_images,
    to_planes as to_planes,
)
from .product_colors import product_color as product_color
from .random import Rows as Rows
from .views import Views as Views
