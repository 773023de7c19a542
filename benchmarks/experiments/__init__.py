"""Experiments on the method itself: each a command, its raw rows committed in results/reference."""
