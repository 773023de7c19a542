"""A grid of cases in, a table and a report out: what `pytest --benchmark` and `zoo bench` run."""
