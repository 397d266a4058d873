"""What trains when, and how fast: stages, freeze plans, layer-wise rates."""
