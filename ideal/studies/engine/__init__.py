"""What all studies share: plans, jobs, results that are kept, workers, statistics and style."""
