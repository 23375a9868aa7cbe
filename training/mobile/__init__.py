"""The TF-IDF models for a phone: ONNX graphs that hold everything after the features, and how to compute those."""
