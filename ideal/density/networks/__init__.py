"""Densities that a network gives, value by value, and how they are trained."""
