from .benchmark_file import (
    BenchmarkError as BenchmarkError,
    BenchmarkResults as BenchmarkResults,
    benchmark_of as benchmark_of,
    check_names as check_names,
    combine as combine,
    read_results as read_results,
)
from .benchmark_tables import (
    format_systems as format_systems,
    markdown_tables as markdown_tables,
)
from .protocol import (
    PROTOCOL as PROTOCOL,
    BenchmarkParts as BenchmarkParts,
    align_vectors as align_vectors,
    measure_system as measure_system,
    parts_of as parts_of,
)
