"""Named data sets: a set a file, which registers itself."""
