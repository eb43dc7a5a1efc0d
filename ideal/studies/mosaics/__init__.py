"""Study: mosaics of color filters."""
