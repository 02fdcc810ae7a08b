"""Fitting, checkpoints, evaluation: what turns settings into a trained Embedder."""
