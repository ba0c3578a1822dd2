"""Graph to graph: one file a pass, one ordered pipeline."""
