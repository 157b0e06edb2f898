"""State dictionaries of PyTorch, as safetensors: read into a network of ours, and written for a module of theirs."""

from pellucid.interop.torch.load import load_torch as load_torch
from pellucid.interop.torch.save import save_torch as save_torch
