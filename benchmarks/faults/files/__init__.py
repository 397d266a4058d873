"""Files that wszoo reads: sound, damaged and hostile ones, and the processes that read them."""
