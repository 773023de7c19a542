"""Measures Keras models: a case in, rows out. Keras is imported in the processes that measure alone."""
