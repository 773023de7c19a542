"""Answers from tables of rows: medians, ratios with intervals, growth, scores. Imports no Keras."""
