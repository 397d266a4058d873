"""Many plans of a network of matrix products, trained side by side and compared."""
