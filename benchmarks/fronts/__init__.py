"""Searches for a front of quality over parameters, ours and others."""
