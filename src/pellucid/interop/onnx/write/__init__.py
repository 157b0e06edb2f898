"""How networks are written as ONNX graphs: a draft, a writer for each kind of layer, and the walk that calls them."""
