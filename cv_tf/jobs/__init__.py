"""Long work in numbered parts, each of which leaves a file: here, or on a cluster."""

from cv_tf.jobs.local import run_here
from cv_tf.jobs.parts import JobError, Parts
from cv_tf.jobs.run import run_parts

__all__ = ["JobError", "Parts", "run", "run_here", "run_parts"]
