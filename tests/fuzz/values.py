"""What the fuzzed calls are given, as Python expressions: so a failure is printed as a program of one line.

They are evaluated in this module, in a folder that `furnish` has filled.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

import pellucid as pl
from pellucid import schedules  # noqa: F401  # named in expressions
from pellucid.initializers import He
from pellucid.kernels import Window

inf, nan = float("inf"), float("nan")

WRONG = (
    """
None|True|False|0|1|-1|2|3|7|-2|2**31|2**31 - 1|2**63|2**64|10**30|-2**63|10**400|0.0|0.5|-0.5|1.5|nan|inf|-inf
1e308|1e-320|1j|''|'x'|'he'|'same'|'affine1'|'\\x1b[31mred'|'a\\0b'|'é\\ud800'|'a\\nb'|'x' * 300|b'bytes'|()|[]|{}
set()|(1, 2)|(0, 0)|(-1, 2)|(3, 3, 1)|(2**40, 2**40)|(1.5, 2)|((1, 2), (3, -4))|[[1, 2], [3]]|[[]]|[None]|['a', 'b']
{'a': 1}|{1: None}|object()|(lambda *a, **k: None)|int|print|np|range(3)|iter([1, 2])|...|slice(2)|np.float32
np.float16|np.longdouble|np.dtype('>f4')|'float32'|'float16'|'int8'|'nonsense'|complex|np.float64(0.5)|np.int64(3)
np.bool_(True)|np.float32(nan)|np.zeros(0, np.float32)|np.zeros((0, 4), np.float32)|np.zeros((4, 0))|np.ones(())
np.ones(3)|np.ones(4, int)|np.ones((1, 4))|np.ones((3, 4), np.float32)|np.ones((2, 3), np.int8)|np.eye(3)
np.ones((2, 3), complex)|np.array([None, 'a'], object)|np.array([[1, [2]]], object)|np.array(['a', 'b'])
np.array([b'a'])|np.ones((3, 4), np.longdouble)|np.ones((3, 4), np.float16)|np.ones((3, 4), '>f4')|frozen(3, 4)
np.full((3, 4), nan)|np.full((3, 4), inf)|np.full((3, 4), 1e38, np.float32)|np.full((3, 4), 1e300)
np.ones((3, 4))[:, ::-2]
np.array(['2020-01-01'], 'datetime64[D]')|np.zeros(2, [('a', int)])|np.ma.ones((3, 4))|np.ones((1,) * 30)
np.ones((3, 8, 8, 1), np.float32)|np.ones((3, 1, 8, 8))|np.full((3, 8, 8, 1), nan)|np.ones((8, 8, 1))|np.ones((3, 8, 8))
np.array([0, 1, 2])|np.array([0, -1, 5])|np.array([2**62])|np.array([1.5, 2])|pl.Affine|pl.Affine(2)|pl.ReLU()|pl.Add()
pl.Dropout|network()|images_network()|unbuilt()|pl.Sequential([])|dataset()|images()|numbers()|pl.Adam()|pl.SGD
pl.MeanSquaredError()|pl.Hinge|schedules.Constant(0.1)|np.random.default_rng(0)|np.random|Path('missing.bin')
odd('__repr__')|odd('__array__')|odd('__eq__', '__ne__')|odd('__hash__')|odd('__len__')|odd('__bool__')|odd('__index__')
odd('__float__')|odd('__iter__')|odd('__getattr__')|odd('__str__')|odd('__fspath__')|odd(*RAISING)
[odd(*RAISING)]|{'a': odd(*RAISING)}|deep(5000)|'x' * 10**6|'3'|'0.5'|['1', '2']|'nan'|list(range(10**5))
{str(i): i for i in range(1000)}|'2**64'|[True, None]|bytearray(3)|memoryview(b'ab')
'missing.safetensors'|'folder'|'folder/none/x'|'fifo'|'empty'|'text'|'model.safetensors'|Path('new')|Exception()
""".replace("\n", "|")
    .strip("|")
    .split("|")
)


RAISING = (
    "__repr__", "__str__", "__array__", "__eq__", "__ne__", "__hash__", "__len__", "__bool__", "__index__", "__float__",
    "__iter__", "__getitem__", "__contains__", "__lt__", "__gt__", "__getattr__", "__fspath__",
)  # fmt: skip


def odd(*methods: str) -> Any:
    """An object whose methods of these names raise an error of their own."""

    def fail(*_: Any, **__: Any) -> Any:
        raise RuntimeError("odd")

    return type("Odd", (), dict.fromkeys(methods, fail))()


def deep(levels: int) -> Any:
    """A list in a list in a list …"""
    made: list[Any] = []
    for _ in range(levels):
        made = [made]
    return made


def furnish() -> None:
    """Fill the current folder with files to name: sound, empty, no file at all."""
    if Path("empty").exists():
        return
    Path("folder").mkdir()
    os.mkfifo("fifo")
    Path("empty").touch()
    Path("text").write_text("nothing\nto see\n")
    Path("table.csv").write_text("a,b,label\n" + "".join(f"{i},{i * 0.5},{i % 3}\n" for i in range(12)))
    pl.save(network(), "model.safetensors")
    pl.save_nielsen(sigmoids(), "nielsen.json")
    pl.save_book_params(network(), "book.npz")
    pl.write_idx("data.idx", np.arange(12, dtype=np.uint8).reshape(3, 4))
    history().save("history.json")
    pl.explain.saliency(network(), flat()).save("explanation.npz")


def frozen(*shape: int) -> Any:
    array = np.ones(shape, np.float32)
    array.flags.writeable = False
    return array


def flat(samples: int = 3) -> Any:
    return np.random.default_rng(0).random((samples, 4), np.float32)


def pictures(samples: int = 3) -> Any:
    return np.random.default_rng(0).random((samples, 8, 8, 1), np.float32)


def labels(samples: int = 3) -> Any:
    return np.arange(samples) % 3


def dataset() -> Any:
    return pl.Dataset(flat(12), labels(12))


def images() -> Any:
    return pl.Dataset(pictures(12), labels(12))


def numbers() -> Any:
    return pl.Dataset(flat(12), flat(12)[:, :2], task="regression")


def unbuilt() -> Any:
    return pl.Sequential([pl.Affine(5), pl.ReLU(), pl.Affine(3)])


def network() -> Any:
    return pl.Sequential([pl.Affine(5), pl.ReLU(), pl.Affine(3)], input_shape=4)


def sigmoids() -> Any:
    return pl.Sequential([pl.Affine(5), pl.Sigmoid(), pl.Affine(3), pl.Sigmoid()], input_shape=4)


def images_network() -> Any:
    layers = [pl.Conv2D(2, 3), pl.ReLU(), pl.MaxPool2D(), pl.Flatten(), pl.Affine(3)]
    return pl.Sequential(layers, input_shape=(8, 8, 1))


def built(layer: Any, *shape: int) -> Any:
    layer.build(shape, np.random.default_rng(0))
    return layer


def history() -> Any:
    return pl.fit(network(), dataset(), batch_size=4, validation=dataset(), progress=False)


def explanation() -> Any:
    return pl.explain.saliency(images_network(), pictures())


def card() -> Any:
    return pl.explain.evaluate.trust_card(images_network(), pl.explain.saliency, pictures())


def window() -> Any:
    return Window((3, 3))


def square(x: Any) -> Any:
    return (x**2).sum()


def he() -> Any:
    return He()
