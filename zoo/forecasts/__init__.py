"""Forecasts by a model that `zoo compare` kept: the future with an interval, and how well the past was foretold."""
