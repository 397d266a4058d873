"""What wszoo claims, measured: `python -m benchmarks.NAME`, from the top of a checkout."""
