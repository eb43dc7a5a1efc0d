"""Choosing k of n members: sites, LEDs, lenslets."""
