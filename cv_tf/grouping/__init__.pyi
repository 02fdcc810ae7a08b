from .calibration import (
    Calibration as Calibration,
    calibrate as calibrate,
    calibrate_on as calibrate_on,
    guess_threshold as guess_threshold,
)
from .confidence import Confidence as Confidence, ConfidenceCurve as ConfidenceCurve
from .dendrograms import Dendrograms as Dendrograms
from .graph import (
    Graph as Graph,
    find_neighbors as find_neighbors,
    mutual_graph as mutual_graph,
)
from .group_files import (
    GroupsError as GroupsError,
    check_previous as check_previous,
    check_shown as check_shown,
    match_labels as match_labels,
    read_copies as read_copies,
    read_groups as read_groups,
    read_labels as read_labels,
    write_groups as write_groups,
)
from .groups import (
    DOUBTFUL_BELOW as DOUBTFUL_BELOW,
    Grouped as Grouped,
    find_groups as find_groups,
    group as group,
)
from .linkage import average_linkage as average_linkage, link as link
from .naming import Named as Named
from .neighbor_job import find_neighbors_in_shards as find_neighbors_in_shards
from .similarity import Similarity as Similarity
