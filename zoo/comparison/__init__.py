"""Entries compared on data of the user's own: trained in folds, compared with simple baselines, timed, and kept."""
