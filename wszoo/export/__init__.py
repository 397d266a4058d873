"""Models as files for other programs, in which every shared weight is stored once."""
