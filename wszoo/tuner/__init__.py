"""Which sites to tie: suggestions, searches, and what is found on the way."""
