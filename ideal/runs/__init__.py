"""Folders of runs: their records, what they depend on, their locks, and results that are kept."""
