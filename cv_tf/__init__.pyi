from . import (
    answers as answers,
    benchmark as benchmark,
    benchmarking as benchmarking,
    catalog as catalog,
    choices as choices,
    command as command,
    compare as compare,
    comparison as comparison,
    config as config,
    datasets as datasets,
    deployment as deployment,
    downloads as downloads,
    embed as embed,
    embeddings as embeddings,
    errors as errors,
    evaluate as evaluate,
    export as export,
    group as group,
    grouping as grouping,
    inspect as inspect,
    inspection as inspection,
    layers as layers,
    losses as losses,
    methods as methods,
    metrics as metrics,
    models as models,
    pipeline as pipeline,
    prepare as prepare,
    replicas as replicas,
    report as report,
    retrieval as retrieval,
    review as review,
    reviewing as reviewing,
    search as search,
    settings as settings,
    shards as shards,
    shop_files as shop_files,
    strategy as strategy,
    train as train,
    training as training,
    update as update,
    updating as updating,
    vision as vision,
)
from .catalog import Catalog as Catalog, read_catalog as read_catalog
from .config import Config as Config
from .embeddings import (
    Embeddings as Embeddings,
    embed_photos as embed_photos,
    read_embeddings as read_embeddings,
)
from .errors import UserError as UserError
from .grouping import find_groups as find_groups
from .models import Embedder as Embedder
from .retrieval import build_index as build_index, load_index as load_index

__version__: str
