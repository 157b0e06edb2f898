"""`assert_gradients`: it lets right layers pass, says which law a wrong one breaks, and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from cases import CASES, Case
from pellucid.errors import ArgumentError, DataError, ShapeError
from pellucid.layers import LAYERS, Affine, Layer, ReLU, Sequential
from pellucid.layers.base import Parameters
from pellucid.testing import assert_gradients
from pellucid.typing import Array, Arrays, Shape


@pytest.fixture(autouse=True)
def layers_of_its_own() -> Iterator[None]:
    known = dict(LAYERS)
    yield
    LAYERS.clear()
    LAYERS.update(known)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_every_layer_of_the_package_passes(case: Case) -> None:
    assert_gradients(case.make(), case.shape)


def scale(**methods: Any) -> Layer[Any]:
    """y = a·x with a parameter for each input, and with some methods replaced."""

    class Stretch(Layer[Any]):
        x = grad = None  # where one that keeps to no law may write

        def infer_shape(self, input_shape: Shape) -> Shape:
            return input_shape

        def create_params(self, input_shape: Shape, rng: np.random.Generator, dtype: Any) -> None:
            self.params = Parameters(a=np.ones(input_shape, dtype))

        def forward(self, x: Array, *, train: bool = False, rng: Any = None) -> tuple[Array, Any]:
            return x * self.params["a"], x

        def backward(
            self, dy: Array, cache: Any, *, need_dx: bool = True, need_grads: bool = True
        ) -> tuple[Array, Arrays]:
            return dy * self.params["a"], {"a": (dy * cache).sum(axis=0)}

    return type("Stretch", (Stretch,), methods)()


def test_the_layer_itself_is_not_touched() -> None:
    unbuilt, built = scale(), Sequential([Affine(3), ReLU()], input_shape=4)
    before = {key: (id(p), p.tobytes()) for key, p in built.params.items()}

    assert_gradients(unbuilt, 4)
    assert_gradients(built, (4,))

    assert (unbuilt.input_shape, unbuilt.params) == (None, {})
    assert before == {key: (id(p), p.tobytes()) for key, p in built.params.items()}


def remembers(self: Any, x: Array, *, train: bool = False, rng: Any = None) -> tuple[Array, Any]:
    self.x = x
    return x * self.params["a"], x


def from_memory(self: Any, dy: Array, cache: Any, **needs: Any) -> tuple[Array, Arrays]:
    return dy * self.params["a"], {"a": (dy * self.x).sum(axis=0)}


def stores(self: Any, dy: Array, cache: Any, **needs: Any) -> tuple[Array, Arrays]:
    self.grad = dy.sum()
    return dy * self.params["a"], {"a": (dy * cache).sum(axis=0)}


def overwrites_dy(self: Any, dy: Array, cache: Any, **needs: Any) -> tuple[Array, Arrays]:
    grads = {"a": (dy * cache).sum(axis=0)}
    dy *= self.params["a"]
    return dy, grads


def overwrites_cache(self: Any, dy: Array, cache: Any, **needs: Any) -> tuple[Array, Arrays]:
    cache *= dy
    return dy * self.params["a"], {"a": cache.sum(axis=0)}


def overwrites_x(self: Any, x: Array, *, train: bool = False, rng: Any = None) -> tuple[Array, Any]:
    kept = x.copy()
    x *= self.params["a"]
    return x, kept


def without_a(self: Any, dy: Array, cache: Any, **needs: Any) -> tuple[Array, Arrays]:
    return dy * self.params["a"], {}


def a_ten_thousandth_off(self: Any, dy: Array, cache: Any, **needs: Any) -> tuple[Array, Arrays]:
    return dy * self.params["a"], {"a": 1.0001 * (dy * cache).sum(axis=0)}


def in_a_list(self: Any, x: Array, *, train: bool = False, rng: Any = None) -> tuple[Array, Any]:
    return x * self.params["a"], [x]


def once(self: Any, dy: Array, cache: Any, **needs: Any) -> tuple[Array, Arrays]:
    return dy * self.params["a"], {"a": (dy * cache.pop()).sum(axis=0)}


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        ({"forward": remembers}, "law 1: forward with train=False writes to x"),
        ({"backward": stores}, "law 2: backward writes to grad"),
        ({"backward": without_a}, r"law 2: backward returns gradients for \[\], and the parameters are \['a'\]"),
        ({"forward": overwrites_x}, "law 3: forward changes x"),
        ({"backward": overwrites_dy}, "law 3: backward changes dy"),
        ({"backward": overwrites_cache}, "law 3: backward changes the cache"),
        ({"backward": overwrites_cache}, r"law 4: backward twice on one cache \(train=False\): other gradients"),
        ({"forward": in_a_list, "backward": once}, "law 4: backward twice on one cache .*IndexError: pop from empty"),
        ({"forward": remembers, "backward": from_memory}, "law 5: with another pass between"),
        ({"infer_shape": lambda self, shape: (1,)}, r"infer_shape tells of an output of shape \(3, 1\)"),
        ({"backward": lambda self, dy, cache: (dy, {})}, "backward with {'need_dx': False}: TypeError"),
        ({"backward": a_ten_thousandth_off}, r"FAILED(.|\n)*a .*WRONG"),
    ],
)
def test_a_broken_law_is_named(methods: dict[str, Any], message: str) -> None:
    with pytest.raises(AssertionError, match=message) as caught:
        assert_gradients(scale(**methods), 4)
    assert str(caught.value).startswith("Stretch does not keep the contract of a layer:\n")


def test_a_result_in_another_precision_is_told() -> None:
    def forward(self: Any, x: Array, *, train: bool = False, rng: Any = None) -> tuple[Array, Any]:
        return x.astype(np.float64) * self.params["a"], x

    with pytest.raises(AssertionError, match="in float32, the output is float64"):
        assert_gradients(scale(forward=forward), 4)


def test_a_layer_that_config_does_not_describe_is_refused() -> None:
    class Raised(Layer[Any]):
        def __init__(self, exponent: float = 1.0, *, name: str = "") -> None:
            super().__init__(name=name)
            self.exponent = exponent

        def infer_shape(self, input_shape: Shape) -> Shape:
            return input_shape

        forward = backward = lambda self, *args, **options: None

    with pytest.raises(ArgumentError, match=r"Raised.config must return every .* exponent=3.0 has exponent=1.0"):
        assert_gradients(Raised(3.0), 4)


def test_a_class_that_another_has_replaced_is_refused() -> None:
    first = scale()
    scale()

    with pytest.raises(ArgumentError, match="another class of that name is known"):
        assert_gradients(first, 4)


def test_inputs_of_ones_own() -> None:
    class Log(Layer[Any]):
        def infer_shape(self, input_shape: Shape) -> Shape:
            return input_shape

        def forward(self, x: Array, *, train: bool = False, rng: Any = None) -> tuple[Array, Any]:
            return np.log(x), x

        def backward(
            self, dy: Array, cache: Any, *, need_dx: bool = True, need_grads: bool = True
        ) -> tuple[Array, Arrays]:
            return dy / cache, {}

    assert_gradients(Log(), 3, x=[[0.5, 1.0, 2.0], [3.0, 4.0, 5.0]])


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((ReLU, 3), {}, ArgumentError, "a layer is needed, got .*ReLU.*Call it to make one"),
        ((ReLU(), 0), {}, ArgumentError, "input_shape must be a whole number of at least 1, got 0"),
        ((ReLU(), (3, "a")), {}, ArgumentError, "input_shape must be a whole number of at least 1, got 'a'"),
        ((ReLU(), 3), {"samples": 0}, ArgumentError, "samples must be a whole number of at least 1"),
        ((ReLU(), 3), {"x": np.ones((2, 4))}, ShapeError, r"x must have shape \(N, 3\), got \(2, 4\)"),
        ((ReLU(), 3), {"x": [[1.0, 2.0, np.nan]]}, DataError, "x holds 1 NaN"),
        ((ReLU(), 3), {"tolerance": 0}, ArgumentError, "tolerance must lie in"),
    ],
)
def test_wrong_arguments_are_refused(arguments: Any, options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        assert_gradients(*arguments, **options)
