"""Study: patterns of LEDs for a microscope."""
