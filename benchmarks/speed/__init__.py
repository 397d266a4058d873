"""Training steps of layers beside those of others."""
