"""Models in files: written, read back, read, and no more memory than a file can fill."""
