from .colors import (
    CANDIDATES as CANDIDATES,
    OTHER_COLOR as OTHER_COLOR,
    SAME_COLOR as SAME_COLOR,
    color_log_odds as color_log_odds,
    same_color as same_color,
)
from .exact import MAX_QUERIES as MAX_QUERIES, ExactIndex as ExactIndex
from .index import Index as Index
from .index_folder import ABOUT as ABOUT, IndexFolder as IndexFolder
from .nearest_neighbors import (
    CHUNK as CHUNK,
    build_index as build_index,
    is_undamaged as is_undamaged,
    load_index as load_index,
    nearest as nearest,
)
from .neighbors import (
    Neighbors as Neighbors,
    check_embeddings as check_embeddings,
    check_vectors as check_vectors,
    rows_by_block as rows_by_block,
)
from .ranking import (
    DEPTH as DEPTH,
    MOST_PRODUCTS as MOST_PRODUCTS,
    NearestLists as NearestLists,
    Ranked as Ranked,
    look_again as look_again,
    rank as rank,
)
from .scann import BRUTE_FORCE_BELOW as BRUTE_FORCE_BELOW, ScannIndex as ScannIndex
from .tuning import Effort as Effort
