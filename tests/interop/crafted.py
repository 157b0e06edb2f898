"""Model files written by hand, sound and unsound, without the package's own writer."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from pellucid.layers import Layer, Parameters
from pellucid.typing import Array, Arrays, Config, DTypeLike, Shape


def file_of(header: Any, data: bytes = b"") -> bytes:
    """The bytes of a safetensors file with that header, whatever it is."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def tensor(shape: Any, start: Any, stop: Any, dtype: Any = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, stop]}


def model_file(spec: Any, arrays: Arrays, input_shape: Any = (2,), **metadata: str) -> bytes:
    """A file with an architecture and tensors but no checksums, as another program might write it."""
    text = {
        "pellucid.format": "1",
        "pellucid.architecture": json.dumps(spec),
        "pellucid.input_shape": json.dumps(input_shape),
        "pellucid.dtype": "float32",
        **{f"pellucid.{key}": value for key, value in metadata.items()},
    }
    fields: dict[str, Any] = {"__metadata__": text}
    data = b""
    for name, array in arrays.items():
        code = {"float": "F", "int": "I"}[array.dtype.name.rstrip("0123456789")] + str(8 * array.itemsize)
        fields[name] = tensor(array.shape, len(data), len(data) + array.nbytes, code)
        data += array.tobytes()
    return file_of(fields, data)


def chain(*layers: Config) -> Config:
    return {"type": "Sequential", "layers": list(layers)}


def affine(units: Any = 3, **options: Any) -> Config:
    return {"type": "Affine", "name": "affine1", "units": units, **options}


def weights(rows: int = 2, columns: int = 3) -> Arrays:
    """The parameters of `affine()` for input shape (2,)."""
    W = np.arange(rows * columns, dtype=np.float32).reshape(rows, columns)
    return {"affine1.W": W, "affine1.b": np.ones(columns, np.float32)}


class _Standardise(Layer[None]):
    """y = gain · (x − mean): parameters and buffers from np.ones and np.zeros, as in normalisation."""

    def infer_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def create_params(self, input_shape: Shape, rng: np.random.Generator, dtype: DTypeLike) -> None:
        channels = input_shape[-1]
        self.params = Parameters(gain=np.ones(channels, dtype))
        self.buffers = Parameters(mean=np.zeros(channels, dtype), batches=np.zeros((), np.int64))

    def forward(self, x: Array, *, train: bool = False, rng: Any = None) -> tuple[Array, None]:
        return self.params["gain"] * (x - self.buffers["mean"]), None

    def backward(self, dy: Array, cache: None, **need: bool) -> tuple[Array | None, Arrays]:
        raise NotImplementedError
