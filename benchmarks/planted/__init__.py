"""Searches for the plan of a network whose truth is known."""
