"""What tying would cost, estimated without training."""
