"""A run that chooses: what it does, its record and its result."""
