"""The command line of ideal."""
