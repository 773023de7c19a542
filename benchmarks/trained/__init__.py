"""Which trainings and weights are published, and the published figures of others beside them."""
