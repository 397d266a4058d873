"""What it costs to tie the layers of a model, suggested, compressed and over depth."""
