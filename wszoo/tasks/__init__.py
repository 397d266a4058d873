"""What a model's outputs mean: heads, losses, metrics and targets, a task a file."""
