"""Study: two points or one, seen through a lens."""
