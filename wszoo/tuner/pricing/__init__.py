"""What tying would cost, estimated without training."""

METHODS = ("activations", "weights", "fisher", "cka", "loss")  # here, where nothing heavy is
