"""Faults on purpose: what is done stays, nothing stands twice, and a run that is resumed completes.

The short drills run with the other tests; those marked slow run in `tox -e faults`.
"""
