"""What lies in files and folders: a format a file, which registers itself."""
