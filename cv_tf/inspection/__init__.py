"""What a model sees: the views that training makes, and the parts that are compared."""
