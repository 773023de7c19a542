"""The items that `pytest --benchmark` collects, in this checkout and in a project of your own."""
