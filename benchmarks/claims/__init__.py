"""Tied models beside their untied twins, under conditions that are the same for both."""
