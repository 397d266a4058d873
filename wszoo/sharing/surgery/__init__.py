"""Rebuilds models under other plans: retie, flatten, and copies of layers."""
