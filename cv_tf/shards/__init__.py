"""Long work in numbered parts, each of which leaves a file: here, or on a cluster."""

from cv_tf.shards.run import run_parts
from cv_tf.shards.shards import JobError, Parts, run_here

__all__ = ["JobError", "Parts", "run", "run_here", "run_parts"]
