"""The training of a transfer run: what it learns from, its loop, its backups."""
