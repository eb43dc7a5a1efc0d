"""Figures of estimates, designs, choices, objects and samples."""
