"""Questions that a table of the user's own asks: folds of examples, baselines, and what an answer is worth."""
