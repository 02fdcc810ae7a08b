from .galleries import (
    NUM_NEIGHBORS as NUM_NEIGHBORS,
    Found as Found,
    Query as Query,
    Shown as Shown,
    compare_neighbors as compare_neighbors,
    embed_shown as embed_shown,
    read_compared as read_compared,
    shown_products as shown_products,
)
from .plan import (
    CompareConfig as CompareConfig,
    ComparisonPlan as ComparisonPlan,
    Recipe as Recipe,
    Run as Run,
    make_plan as make_plan,
)
from .results import (
    Cell as Cell,
    Difference as Difference,
    Result as Result,
    Row as Row,
    Summary as Summary,
    read_rows as read_rows,
)
from .runs import (
    Stopped as Stopped,
    check_folder as check_folder,
    make_runs as make_runs,
    open_folder as open_folder,
)
from .tables import (
    compared_over_styles as compared_over_styles,
    format_markdown as format_markdown,
    how_to_read as how_to_read,
    provenance as provenance,
    write_table_csv as write_table_csv,
    write_table_json as write_table_json,
)
