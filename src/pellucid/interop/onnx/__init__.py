"""Networks as ONNX files: `load_onnx` reads them, `save_onnx` writes them."""

from pellucid.interop.onnx.load import load_onnx as load_onnx
from pellucid.interop.onnx.save import save_onnx as save_onnx
from pellucid.interop.onnx.table import onnx_table as onnx_table
