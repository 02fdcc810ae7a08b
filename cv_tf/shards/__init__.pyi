from .run import (
    EngineSettings as EngineSettings,
    engine_running as engine_running,
    run_shards as run_shards,
)
from .shards import JobError as JobError, Shards as Shards, run_here as run_here
from .spark import cluster as cluster, run_on_spark as run_on_spark
