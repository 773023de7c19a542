"""Measures the zoo: what each model costs and what it earns. Imports zoo, never the other way round."""
