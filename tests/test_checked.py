"""What annotations promise is checked before a function runs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from fuzz.values import RAISING, images_network, odd
from pellucid.checked import checked, checked_late
from pellucid.data import Dataset
from pellucid.errors import ArgumentError, CallError, DataError, PellucidError
from pellucid.kernels import Padding, Pair
from pellucid.layers import Container
from pellucid.layers.container import AnyLayer
from pellucid.schedules import Rate
from pellucid.typing import Array, ArrayLike, Shape


@checked
def draw(
    x: ArrayLike, count: int = 3, scale: float = 1.0, *, name: str | None = None, loud: bool = False,
    shape: Shape = (), path: str | Path = "", other: dict[str, int] | None = None, seed: int = 0,
) -> str:  # fmt: skip
    """Say what came."""
    return f"{count} {scale} {name} {loud} {shape} {path} {other}"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"x": "text"}, "draw: x must hold numbers, got <U4"),
        ({"x": None}, "draw: x must be an array or a list of numbers, got NoneType"),
        ({"x": [[1], [2, 3]]}, "draw: x cannot become an array.*same shape"),
        ({"x": np.ones(2, complex)}, r"draw: x must hold numbers, got complex128"),
        ({"count": 1.5}, "draw: count must be a whole number, got 1.5"),
        ({"count": True}, "draw: count must be a whole number, got True"),
        ({"count": 10**30}, "draw: count must be a whole number, got 10000"),
        ({"scale": "1"}, "draw: scale must be a number, got '1'"),
        ({"scale": float("nan")}, "draw: scale must be a number, got nan"),
        ({"name": 3}, "draw: name must be a string or None, got 3"),
        ({"loud": 1}, "draw: loud must be True or False, got 1"),
        ({"shape": 4}, "draw: shape must be a shape such as"),
        ({"path": 0}, "draw: path must be a string or a path, got 0"),
        ({"seed": -1}, "draw: seed must be a whole number of at least 0, got -1"),
    ],
)
def test_values_of_another_type_are_refused_by_name(arguments, message):
    with pytest.raises(PellucidError, match=message):
        draw(**{"x": [1.0], **arguments})


@pytest.mark.parametrize(
    "arguments",
    [
        {"x": 3},
        {"x": np.ones((2, 2), np.float16)},
        {"x": [[True, False]]},
        {"count": np.int8(3)},
        {"scale": np.float32(0.5)},
        {"scale": 2},
        {"scale": float("inf")},
        {"loud": np.bool_(True)},
        {"shape": [2, 3]},
        {"path": Path("a")},
        {"other": "anything: its type is not a plain one"},
    ],
)
def test_values_of_the_type_pass(arguments):
    assert draw(**{"x": [1.0], **arguments})


def test_missing_and_unknown_arguments_are_told():
    with pytest.raises(CallError, match=r"draw: x must be given: \(x, count=…"):
        draw()
    with pytest.raises(CallError, match="draw: unknown argument 'nme'. Did you mean 'name'[?] Known: x, count"):
        draw(1, nme=2)
    with pytest.raises(TypeError, match="takes at most 3 arguments by place, got 4, the last one 'a'.* by name: name"):
        draw(1, 2, 3, "a")
    with pytest.raises(CallError, match="draw: x was given twice, by its place and by its name"):
        draw(1, x=2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: pl.SGD(lr=1),
            "SGD: unknown argument 'lr'. Did you mean 'learning_rate'[?] Known: learning",
        ),
        (lambda: pl.Affine(), r"Affine: units must be given: \(units, \*, bias=…, weight=…, name=…\)."),
        (lambda: pl.Affine(3, True), "Affine: takes at most 1 argument by place, got 2.* by name: bias, weight, name."),
        (lambda: pl.MeanSquaredError(1), "MeanSquaredError: takes no arguments by place, got 1, the last one 1."),
        (lambda: pl.schedules.Cosine(0.1), "Cosine: iterations must be given"),
        (lambda: pl.initializers.He(gain=2), "He: unknown argument 'gain'. Known: distribution."),
        (lambda: pl.Callback(1), "Callback: takes no arguments by place"),
        (lambda: pl.Dataset(), "Dataset: x and t must be given"),
        (lambda: pl.kernels.Choice(), "Choice: kernel and reason and flops and .* must be given"),
        (lambda: pl.explain.Unit(), "Unit: layer and index must be given"),
        (lambda: pl.Network([2, 2]).SGD(), "Network.SGD: training_data and epochs and .* must be given"),
        (lambda: pl.Layer(), "Layer: is a form for classes of your own .* a subclass writes backward, forward, infer"),
        (lambda: pl.load("a", nonfinite=True), "load: unknown argument 'nonfinite'. Did you mean 'allow_nonfinite'"),
    ],
)
def test_a_call_that_does_not_fit_says_what_to_write(call, message):
    with pytest.raises(CallError, match=message) as caught:
        call()
    assert isinstance(caught.value, TypeError)


class Mine(pl.Layer):
    """A layer of a user's own."""

    def __init__(self, units: int, **options: Any) -> None:
        super().__init__(**options)

    def infer_shape(self, input_shape):
        return input_shape

    def forward(self, x, *, train=False, rng=None):
        return x, None

    def backward(self, dy, cache, *, need_dx=True, need_grads=True):
        return dy, {}


class Plain(pl.ReLU):
    """A layer that is made as the one above."""


def test_a_class_shows_how_it_is_made():
    assert list(inspect.signature(pl.Affine).parameters) == ["units", "bias", "weight", "name"]
    assert list(inspect.signature(pl.AdamW).parameters)[:2] == ["learning_rate", "weight_decay"]
    assert "clip_norm" in inspect.signature(pl.AdamW).parameters
    assert list(inspect.signature(Mine).parameters) == ["units", "name"]
    assert list(inspect.signature(Plain).parameters) == ["name"]
    with pytest.raises(CallError, match="Mine: unknown argument 'nme'. Did you mean 'name'"):
        Mine(3, nme="a")


def test_an_error_within_a_users_class_is_his_own():
    class Broken(Mine):
        def __init__(self) -> None:
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        Broken()


class Odd:
    """Nothing can be asked of it."""

    def fail(self, *_):
        raise RuntimeError("odd")

    __repr__ = __array__ = __eq__ = __len__ = __bool__ = __index__ = __float__ = __iter__ = __getattr__ = fail
    __hash__ = None


@pytest.mark.parametrize("name", ["x", "count", "scale", "name", "loud", "shape", "path", "seed"])
def test_an_object_that_fails_when_it_is_looked_at_is_refused(name):
    with pytest.raises(PellucidError, match=f"draw: {name} "):
        draw(**{"x": [1.0], name: Odd()})


def nested(levels):
    made: list = []
    for _ in range(levels):
        made = [made]
    return made


@pytest.mark.parametrize("value", ["x" * 10**6, nested(5000), list(range(10**5)), 10**2000, {"a": Odd()}, np.ones(9)])
def test_messages_are_short_whatever_came(value):
    with pytest.raises(PellucidError) as caught:
        draw(1, count=value)
    assert len(str(caught.value)) < 400


@checked
def take(
    data: Dataset,
    network: Container[Any],
    layer: AnyLayer | None = None,
    rate: Rate = 0.1,
    size: Pair = (1, 1),
    padding: Padding = ((0, 0), (0, 0)),
    arrays: Mapping[str, Array] | None = None,
    f: Callable[[Array], Any] = abs,
    *names: str,
    **texts: str,
) -> None:
    """Take what the package makes."""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"data": 1}, r"take: data must be a Dataset such as pl.Dataset\(x, t\), got 1"),
        ({"network": pl.Affine(3)}, "take: network must be a network such as pl.Sequential"),
        ({"layer": pl.Add()}, "take: layer must be a layer such as pl.Affine.10. or None"),
        ({"rate": "fast"}, "take: rate must be a number or a schedule such as pl.schedules.Constant"),
        ({"size": (1, 2, 3)}, "take: size must be two whole numbers"),
        ({"padding": (1, 1)}, r"take: padding must be \(\(top, bottom\), \(left, right\)\)"),
        ({"arrays": {"a": 1}}, "take: arrays must be a dict of arrays by their names or None"),
        ({"arrays": {"a": np.array(["text"])}}, "take: arrays must be a dict of arrays"),
        ({"f": 3}, "take: f must be a function, got 3"),
        ({"more": 3}, "take: texts must be a string, got 3"),
    ],
)
def test_what_the_package_makes_is_known_by_its_class(arguments, message):
    network = pl.Sequential([pl.Affine(2)], input_shape=3)
    data = pl.Dataset(np.ones((2, 3)), [0, 1])
    take(data, network, pl.ReLU(), pl.schedules.Constant(1), (1, 2), ((0, 1), (2, 3)), {"a": np.ones(2)}, len, "b")
    with pytest.raises(ArgumentError, match=message):
        take(**{"data": data, "network": network, **arguments})


def test_another_librarys_class_of_the_same_name_is_no_data_set():
    with pytest.raises(ArgumentError, match="data must be a Dataset"):
        take(type("Dataset", (), {})(), pl.Sequential([]))


@checked_late
def late(x: Array, count: int = 1) -> Array:
    """Look only where it fails."""
    return x[:count]


def test_what_is_looked_at_late_pays_nothing_and_tells_the_same():
    assert late([1, 2]) == [1]  # a list will do, though an array is asked for
    with pytest.raises(ArgumentError, match="late: count must be a whole number, got 'a'"):
        late(np.ones(3), "a")
    with pytest.raises(CallError, match="late: x must be given"):
        late()
    with pytest.raises(IndexError):  # every argument is of its type: the fault is the function's
        late(np.ones(()), 1)


def test_a_warning_names_the_line_that_called():
    with pytest.warns(pl.data.ScaleWarning) as caught:
        pl.Dataset(np.full((2, 100), 200.0), [0, 1])
    with pytest.warns(UserWarning, match="looks like") as channels:
        pl.Sequential([pl.Conv2D(2, 3)], input_shape=(3, 16, 16))
    assert {caught[0].filename, channels[0].filename} == {__file__}


def test_a_class_is_called_by_its_name():
    with pytest.raises(ArgumentError, match="SimpleCNN: seed must be a whole number, got 'x'"):
        pl.SimpleCNN(seed="x")


def test_what_does_not_fit_into_memory_is_told_by_the_one_who_was_asked():
    @checked
    def early(count: int) -> Array:
        return np.empty((count, 2**20))

    for function in (early, checked_late(early)):
        with pytest.raises(DataError, match=r"early: takes more memory than there is\. Unable to allocate"):
            function(2**25)


@pytest.mark.parametrize(
    "call",
    [
        lambda: pl.Add().infer_shape([[1, 2], [3]]),
        lambda: pl.TruthTableNet(np.eye(2), (1.5, 2)),
        lambda: pl.TruthTableNet(np.eye(2), np.ones((3, 1))),
        lambda: pl.from_dataframe(odd(*RAISING)),
        lambda: pl.Conv2D(2, 3, padding=odd("__index__")),
        lambda: pl.views.receptive_field(images_network(), "conv2d1", (1.5, 2)),
        lambda: pl.explain.all_classes(images_network(), np.ones((8, 8, 1)), rules=np.ones(3)),
    ],
)
def test_wrong_calls_that_the_machine_found(call):
    with pytest.raises(PellucidError):
        call()


@pytest.mark.parametrize("kind", [pl.ReLU, pl.Affine, pl.Sequential, pl.Graph, pl.Residual, pl.Add, pl.Adam])
def test_a_subclass_that_leaves_out_the_constructor_above_is_told(kind):
    made = type("Mine", (kind,), {"__init__": lambda self: None})
    with pytest.raises(CallError, match=r"Mine: its __init__ leaves out that of the class above. Add super"):
        made()


def test_the_signature_stays():
    assert draw.__name__ == "draw"
    assert draw.__doc__ == "Say what came."


def test_a_message_is_one_harmless_line():
    error = PellucidError(f"got {np.eye(3)!r}\n\x1b[31mred")
    assert str(error).isprintable()
    assert "\\x1b[31mred" in str(error)
