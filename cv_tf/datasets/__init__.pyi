from .prepared import (
    Prepared as Prepared,
    format_prepared as format_prepared,
    prepare_dataset as prepare_dataset,
)
