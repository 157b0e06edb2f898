"""The operators of ONNX that are read, a family in each file: what they become in a graph of ours."""
