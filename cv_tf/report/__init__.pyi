from .comparison_page import write_comparison_page as write_comparison_page
from .curve import write_curve as write_curve
from .evaluation_page import write_evaluation_page as write_evaluation_page
from .group_page import FACTS as FACTS, write_group_page as write_group_page
from .group_summary import (
    GUESSED as GUESSED,
    earlier_threshold as earlier_threshold,
    format_changes as format_changes,
    format_summary as format_summary,
    had_previous as had_previous,
    summarize as summarize,
    threshold_beside as threshold_beside,
)
from .inspection_pages import (
    Pair as Pair,
    explain_score as explain_score,
    write_pair as write_pair,
    write_views as write_views,
)
from .page import (
    EvaluationPageSettings as EvaluationPageSettings,
    PageSettings as PageSettings,
    Script as Script,
    Styles as Styles,
    check_page as check_page,
    read_script as read_script,
    render_page as render_page,
)
from .search_results import (
    Neighbor as Neighbor,
    Product as Product,
    SearchResult as SearchResult,
    format_results as format_results,
    write_csv as write_csv,
    write_neighbors_page as write_neighbors_page,
    write_results_json as write_results_json,
)
from .tensorboard import (
    show_first_batch as show_first_batch,
    write_projector as write_projector,
)
from .thumbnails import small_photo as small_photo
