"""Objects and measurements to work on: bundled, generated, or read from the folder named by IDEAL_DATA."""
