"""Questions that a table of the user's own asks: folds of examples, lines to beat, and what an answer is worth."""
