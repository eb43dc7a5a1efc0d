"""Radio interferometers: sites, baselines, coverage and visibilities."""
