from .compute import (
    embed as embed,
    embed_photos as embed_photos,
    embed_with_color as embed_with_color,
)
from .copies import Copies as Copies, find_copies as find_copies
from .dimensions import load_embedder as load_embedder
from .embeddings import (
    LENGTH_TOLERANCE as LENGTH_TOLERANCE,
    Embeddings as Embeddings,
    EmbeddingsError as EmbeddingsError,
)
from .gathering import RowsOf as RowsOf, gather_vectors as gather_vectors
from .job import (
    Embedded as Embedded,
    EmbeddingJob as EmbeddingJob,
    catalog_digest as catalog_digest,
    embed_catalog as embed_catalog,
)
from .parquet import (
    fingerprint as fingerprint,
    fingerprint_of as fingerprint_of,
    read_embeddings as read_embeddings,
    read_notes as read_notes,
    to_table as to_table,
)
from .precision import (
    in_pieces as in_pieces,
    rows_at_once as rows_at_once,
    take_rows as take_rows,
)
from .resumption import rejects_path as rejects_path
