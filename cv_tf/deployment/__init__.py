"""The Embedder as files that need none of this package to run."""
