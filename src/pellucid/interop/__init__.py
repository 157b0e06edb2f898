"""Networks in files: our own, and those of other programs and books."""

from pellucid.interop.any import load_model as load_model
from pellucid.interop.book import load_book_params as load_book_params
from pellucid.interop.book import save_book_params as save_book_params
from pellucid.interop.keras.load import load_keras as load_keras
from pellucid.interop.keras.save import save_keras as save_keras
from pellucid.interop.nielsen import load_nielsen as load_nielsen
from pellucid.interop.nielsen import save_nielsen as save_nielsen
from pellucid.interop.onnx import load_onnx as load_onnx
from pellucid.interop.onnx import onnx_table as onnx_table
from pellucid.interop.onnx import save_onnx as save_onnx
from pellucid.interop.safetensors import load as load
from pellucid.interop.safetensors import load_into as load_into
from pellucid.interop.safetensors import read_metadata as read_metadata
from pellucid.interop.safetensors import save as save
from pellucid.interop.torch.load import load_torch as load_torch
from pellucid.interop.torch.save import save_torch as save_torch
