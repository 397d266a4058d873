"""What is shared in a model: between sites, inside layers, and where it is not seen."""
