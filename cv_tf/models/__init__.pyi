from .backbones import (
    build_backbone as build_backbone,
    normalize_together as normalize_together,
)
from .embedder import Embedder as Embedder
from .embedder_archive import (
    EmbedderArchive as EmbedderArchive,
    EmbedderFileError as EmbedderFileError,
    read_archive as read_archive,
)
from .folding import fold_norms as fold_norms
from .inference import Inference as Inference, compiled as compiled
from .litert import LiteRtFunction as LiteRtFunction, to_litert as to_litert
from .projection import projection_head as projection_head
from .whitening import Whitening as Whitening
