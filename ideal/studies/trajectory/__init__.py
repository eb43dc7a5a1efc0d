"""Study: designs along an ascent."""
