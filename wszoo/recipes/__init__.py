"""Recipes: whole jobs over wszoo, each a command with a folder of results.

`wszoo denoise` and `python recipes/denoise.py` are the same. Each room has the command's options in
its `__init__`, which imports nothing heavy, and what it does in `main`.
"""
