from .calibration import (
    Calibration as Calibration,
    calibrate as calibrate,
    guess_threshold as guess_threshold,
)
from .confidence import (
    Confidence as Confidence,
    ConfidenceCurve as ConfidenceCurve,
)
from .find import (
    DOUBTFUL_BELOW as DOUBTFUL_BELOW,
    Grouped as Grouped,
    Named as Named,
    find_groups as find_groups,
)
from .graph import (
    Dendrograms as Dendrograms,
    Graph as Graph,
    mutual_graph as mutual_graph,
)
from .group_files import (
    GroupsError as GroupsError,
    match_labels as match_labels,
    read_groups as read_groups,
    read_labels as read_labels,
    write_groups as write_groups,
)
from .linkage import (
    average_linkage as average_linkage,
)
from .linking import (
    calibrate_on as calibrate_on,
    find_neighbors as find_neighbors,
    group as group,
    group_at as group_at,
    link as link,
)
from .neighbor_job import (
    find_neighbors_in_shards as find_neighbors_in_shards,
)
from .similarity import (
    Similarity as Similarity,
)
