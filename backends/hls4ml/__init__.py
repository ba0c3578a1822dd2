"""hls4ml projects for FPGAs."""
