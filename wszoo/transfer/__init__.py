"""A pretrained backbone under a new head: frozen, fine-tuned, and what to compare them with."""
