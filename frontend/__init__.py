"""Models in: Brevitas layers and training, QONNX export, import and check."""
