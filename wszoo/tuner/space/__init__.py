"""What can be tied: partitions of sites, and the plans that a budget allows."""
