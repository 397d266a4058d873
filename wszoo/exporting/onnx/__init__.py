"""ONNX files, in which every shared weight stands once."""
