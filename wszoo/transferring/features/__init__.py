"""Features of a frozen backbone, computed once and kept, and what they alone give."""
