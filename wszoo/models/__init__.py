"""The zoo's models, one family a file; each registers its builders when it is imported."""
