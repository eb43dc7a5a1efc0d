"""Study: mosaics of colour filters."""
