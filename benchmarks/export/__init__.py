"""Exported files beside those of the stock converters: size, latency."""
