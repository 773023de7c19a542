"""Ways to run a case, one file each."""
