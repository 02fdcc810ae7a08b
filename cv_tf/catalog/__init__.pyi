from .as_table import write_as_table as write_as_table
from .columns import (
    CatalogError as CatalogError,
    Columns as Columns,
    check_frame as check_frame,
    raise_problems as raise_problems,
    read_columns as read_columns,
    read_needed as read_needed,
)
from .dataset import check_blocks as check_blocks, load_dataset as load_dataset
from .fetched import fetch_photos as fetch_photos
from .ids_and_labels import is_missing as is_missing, read_cells as read_cells
from .parquet_files import (
    ParquetTable as ParquetTable,
    opened_parquet as opened_parquet,
    read_batches as read_batches,
    read_parquet_schema as read_parquet_schema,
    write_parquet as write_parquet,
)
from .parquet_pages import Chunk as Chunk
from .photo_folder import (
    catalog_of_folder as catalog_of_folder,
    catalog_of_photos as catalog_of_photos,
)
from .photo_paths import FolderNames as FolderNames, is_elsewhere as is_elsewhere
from .quiet import quiet_logs as quiet_logs
from .sources import read_catalog as read_catalog, read_products as read_products
from .table import (
    Catalog as Catalog,
    number_blocks as number_blocks,
    number_styles as number_styles,
    objects as objects,
)
from .table_files import (
    unit_of as unit_of,
    write_rows as write_rows,
    write_table as write_table,
)
from .tfds_builders import (
    find_builder as find_builder,
    prepare_builder as prepare_builder,
)
