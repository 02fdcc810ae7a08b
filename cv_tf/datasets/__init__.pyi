from .prepared import (
    Prepared as Prepared,
    format_prepared as format_prepared,
    prepare_dataset as prepare_dataset,
)
from .variants_benchmark import (
    Completeness as Completeness,
    completeness_of as completeness_of,
)
