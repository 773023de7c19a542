"""Entries compared on data of the user's own: trained in folds, held against simple baselines, timed, and kept."""
