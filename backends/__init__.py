"""Graph and target to project: files in memory."""
