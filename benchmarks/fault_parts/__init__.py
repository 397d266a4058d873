"""The parts of the campaign of `benchmarks/faults.py`: a kind of fault a file."""
