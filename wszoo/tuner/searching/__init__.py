"""Searches over plans with KerasTuner, which only this room imports."""
