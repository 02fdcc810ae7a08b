"""Several recipes over several seeds, side by side.

Importing this room does not import TensorFlow.
"""
