from .calibration import (
    Calibration as Calibration,
    calibrate as calibrate,
    calibrate_on as calibrate_on,
)
from .changes import CHANGES as CHANGES, write_changes as write_changes
from .confidence import Confidence as Confidence
from .constraints import (
    Constraints as Constraints,
    components as components,
    is_among as is_among,
    pair_keys as pair_keys,
)
from .dendrograms import Dendrograms as Dendrograms, Evidence as Evidence
from .expectation import Expected as Expected, Interval as Interval
from .floors import search_floor as search_floor
from .graph import (
    Graph as Graph,
    find_neighbors as find_neighbors,
    mutual_graph as mutual_graph,
)
from .group_files import (
    EarlierGroups as EarlierGroups,
    GroupsError as GroupsError,
    colors_of as colors_of,
    order_rows as order_rows,
    read_copies as read_copies,
    read_earlier as read_earlier,
    read_groups as read_groups,
    read_labels as read_labels,
    write_groups as write_groups,
)
from .groups import (
    Grouped as Grouped,
    expected_threshold as expected_threshold,
    find_groups as find_groups,
    group as group,
)
from .linkage import (
    average_linkage as average_linkage,
    link as link,
    mutually_best as mutually_best,
)
from .linked import (
    Answers as Answers,
    Linked as Linked,
    link_by_model as link_by_model,
    start_within as start_within,
)
from .matching import (
    check_previous as check_previous,
    check_shown as check_shown,
    match_labels as match_labels,
)
from .members import (
    Members as Members,
    by_lowest as by_lowest,
    pairs_within as pairs_within,
)
from .naming import Named as Named
from .neighbor_job import find_neighbors_in_shards as find_neighbors_in_shards
from .pair_model import (
    PairModel as PairModel,
    RankingWeights as RankingWeights,
    Scale as Scale,
    background_of as background_of,
    full_discount as full_discount,
    ranking_weights as ranking_weights,
)
from .questions import (
    Questions as Questions,
    choose_questions as choose_questions,
    match_answers as match_answers,
    read_answers as read_answers,
    write_questions as write_questions,
)
from .similarity import Similarity as Similarity
from .states import DOUBTFUL_BELOW as DOUBTFUL_BELOW, STATES as STATES, Former as Former
