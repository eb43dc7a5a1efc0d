"""Ascents of an objective: by gradients, by line searches, and by exchanges on a hard design."""
