from .adaptation import adapt as adapt
from .catalog_vectors import embed_products as embed_products
from .embedder_evaluation import (
    EmbeddedPhotos as EmbeddedPhotos,
    Evaluation as Evaluation,
    Recalls as Recalls,
    evaluate_catalog as evaluate_catalog,
)
from .fit import build_order as build_order
from .run_files import (
    figures_so_far as figures_so_far,
    is_finished as is_finished,
    reported_styles as reported_styles,
)
from .session import Show as Show, train_run as train_run
from .splits import (
    Split as Split,
    check_split as check_split,
    has_variants as has_variants,
    sample_styles as sample_styles,
    split_catalog as split_catalog,
)
from .workdir import (
    Workdir as Workdir,
    WorkdirError as WorkdirError,
    inherited_settings as inherited_settings,
)
