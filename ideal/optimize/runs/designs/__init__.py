"""A run that designs: what it does, its record and its result."""
