"""SavedModels for TF Serving in which every weight stands once."""
