"""A user's own encoder as an imaging system."""
