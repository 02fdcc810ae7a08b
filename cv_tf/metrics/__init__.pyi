from .answered_pairs import (
    answered_figures as answered_figures,
    format_answered as format_answered,
    pair_figures as pair_figures,
)
from .evaluation import (
    Measurement as Measurement,
    StoredGroups as StoredGroups,
    Truth as Truth,
    evaluate_embeddings as evaluate_embeddings,
    match_truth as match_truth,
    measure_embeddings as measure_embeddings,
    measure_stored as measure_stored,
    stored_figures as stored_figures,
)
from .figures import (
    COMPARED as COMPARED,
    COST as COST,
    FIGURES as FIGURES,
    FMS as FMS,
    PRECISION as PRECISION,
    QUALITY as QUALITY,
    RECALL as RECALL,
    Figure as Figure,
    defined as defined,
    format_figures as format_figures,
    format_interval as format_interval,
    format_run as format_run,
    groups_in_words as groups_in_words,
    judge as judge,
)
from .grouping import (
    PairCounts as PairCounts,
    PairErrors as PairErrors,
    grouping_figures as grouping_figures,
    pair_counts as pair_counts,
    pair_errors as pair_errors,
)
from .paired import (
    Stored as Stored,
    compare_results as compare_results,
    compare_stored as compare_stored,
    format_compared as format_compared,
)
from .product_results import ProductResults as ProductResults
from .resampling import Resampling as Resampling, Score as Score, mean_of as mean_of
from .retrieval import (
    Queries as Queries,
    QueryFigures as QueryFigures,
    embedding_std as embedding_std,
    figures_among_all as figures_among_all,
    query_figures as query_figures,
    rank_queries as rank_queries,
    retrieval_figures as retrieval_figures,
)
