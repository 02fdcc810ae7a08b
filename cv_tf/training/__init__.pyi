from .embedder_evaluation import (
    Evaluation as Evaluation,
    evaluate_catalog as evaluate_catalog,
)
from .fit import (
    build_order as build_order,
)
from .session import (
    Session as Session,
    Show as Show,
    save_embedder as save_embedder,
)
from .splits import (
    has_variants as has_variants,
    sample_styles as sample_styles,
    split_catalog as split_catalog,
)
from .workdir import (
    Workdir as Workdir,
    WorkdirError as WorkdirError,
    parse_on_catalog_of_run as parse_on_catalog_of_run,
)
