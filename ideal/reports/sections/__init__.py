"""What a page tells of each kind of run, and of several together."""
