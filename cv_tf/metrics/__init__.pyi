from .answered_pairs import (
    answered_figures as answered_figures,
    format_answered as format_answered,
    pair_figures as pair_figures,
)
from .evaluation import (
    StoredGroups as StoredGroups,
    Truth as Truth,
    evaluate_embeddings as evaluate_embeddings,
    match_truth as match_truth,
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
    format_run as format_run,
)
from .grouping import (
    PairErrors as PairErrors,
    grouping_figures as grouping_figures,
    pair_errors as pair_errors,
)
from .retrieval import (
    Queries as Queries,
    embedding_std as embedding_std,
    rank_queries as rank_queries,
    retrieval_figures as retrieval_figures,
)
