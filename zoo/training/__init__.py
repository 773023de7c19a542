"""Training an entry on a task by a recipe, scoring it, and keeping what came of it."""
