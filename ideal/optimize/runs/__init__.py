"""Runs that design a system or choose its members: what they keep, and the tables that tell of it."""
