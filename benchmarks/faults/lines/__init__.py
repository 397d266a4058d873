"""Command lines of wszoo: right ones, wrong ones, and small runs that can be killed."""
