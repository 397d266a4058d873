"""What wszoo makes of graphs that are not its own."""
