"""Weights that an installed package holds in another format, kept in the user's cache as ours."""
