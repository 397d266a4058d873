"""Public functions and classes of wszoo, and a valid call of each."""
