from .run import (
    EngineSettings as EngineSettings,
    engine_running as engine_running,
    run_parts as run_parts,
)
from .shards import (
    JobError as JobError,
    Parts as Parts,
    run_here as run_here,
)
from .spark import (
    cluster as cluster,
    run_on_spark as run_on_spark,
)
