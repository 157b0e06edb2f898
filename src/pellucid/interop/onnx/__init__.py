"""Networks as ONNX files: `save_onnx` writes them."""

from pellucid.interop.onnx.save import save_onnx as save_onnx
