"""Training an entry on a task by a recipe, scoring it, and the folder of a run."""
