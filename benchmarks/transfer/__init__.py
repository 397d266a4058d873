"""Transfer: the feature cache beside plain Keras, and the settings of its recipe."""
