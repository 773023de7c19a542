"""What a model that `zoo compare` kept says: the future with an interval, the past as a test, or labels."""
