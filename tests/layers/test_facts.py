"""What layers say of themselves, beside their passes; and that a wrong word is caught."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from cases import CASES, Case
from pellucid.errors import ArgumentError
from pellucid.factcheck import CHECKS
from pellucid.kernels import Window
from pellucid.layers import LAYERS, ChannelAffine, Facts, Layer, Sees, Sliding, Taps
from pellucid.layers.activation import Activation
from pellucid.layers.facts import UNKNOWN, Answers, Stated
from pellucid.layers.plain import FACTS
from pellucid.testing import assert_facts
from pellucid.typing import Array, Shape


@pytest.fixture(autouse=True)
def layers_of_its_own() -> Iterator[None]:
    known = dict(LAYERS)
    yield
    LAYERS.clear()
    LAYERS.update(known)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_what_a_layer_says_is_so(case: Case) -> None:
    assert_facts(case.make(), case.shape)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_every_layer_of_the_package_says_what_it_is_what_it_costs_and_what_it_sees(case: Case) -> None:
    layer = case.build()
    if isinstance(layer, pl.Container):
        assert layer.nodes is not None
        return
    assert layer.facts != UNKNOWN
    assert layer.multiply_adds(case.shape) is not None
    sees = layer.window(case.shape)
    volumes = len(case.shape) == 4  # for which there is no word
    assert sees is not None or layer.facts.elementwise or layer.facts.in_order or volumes


PRODUCTS = {
    "affine": 5 * 4,
    "affine-without-bias": 5 * 3,
    "conv": (2 * 3) * 3 * (2 * 2 * 2),
    "conv-same": (4 * 3) * 2 * (3 * 3 * 1),  # zeros of the padding count
    "conv-strided": (3 * 4) * 2 * (3 * 2 * 2),
    "conv-dilated": (2 * 2) * 2 * (2 * 3 * 2),
    "conv-groups": (2 * 2) * 4 * (2 * 2 * 2),
    "depthwise": (2 * 2) * 3 * (2 * 2),
    "depthwise-multiplied": (3 * 2) * 4 * (2 * 2),
    "conv-transpose": (2 * 3 * 3) * (2 * 2) * 2,
    "conv-transpose-groups": (2 * 2 * 2) * (2 * 2) * (4 // 2),
    "batch-norm-image": 2 * 3 * 2,
    "layer-norm": 6,
    "max-pool-overlapping": 0,
    "average-pool": 0,
    "relu-image": 0,
    "flatten": 0,
    "softmax": 0,
    "upsample": 0,
    "scale-wider": 2 * 4 * 3,
    "matmul": (3 * 2 * 4) * 2,
    "matmul-left": (2 * 2 * 2) * 3,
    "mean": 0,
    "take": 0,
    "local-response-norm": (2 * 2 * 5) * 3,
    "instance-norm": 2 * 3 * 2,
    "shift": 0,
    "transpose": 0,
    "log-softmax": 0,
    "upsample-bilinear": 2 * (4 * 3 * 2) + 2 * (4 * 9 * 2),  # two down, then two across
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_the_products_are_those_counted_by_hand(name: str) -> None:
    case = next(case for case in CASES if case.id == name)
    assert case.build().multiply_adds(case.shape) == PRODUCTS[name]


# A wrong word is caught


def says(kind: type[Layer[Any]], **said: Any) -> type[Layer[Any]]:
    """The layer, which says something else of itself and computes as before."""
    written = {key: v if key == "facts" or callable(v) else (lambda *_, v=v: v) for key, v in said.items()}
    return type(kind.__name__ + "Saying", (kind,), written)


IMAGE, VECTOR = (4, 4, 2), (6,)
Lie = tuple[Callable[[], Layer[Any]], Shape, str]


def lie(kind: type[Layer[Any]], shape: Shape, fault: str, *arguments: Any, **said: Any) -> Lie:
    return (lambda: says(kind, **said)(*arguments)), shape, fault


ONES = ChannelAffine(np.zeros(2), np.ones(2), np.ones(2))
LIES: dict[str, Lie] = {
    "moves": lie(pl.Tanh, VECTOR, "moves: the outputs", facts=Facts(moves=True)),
    "moves and is not linear": lie(pl.Flatten, IMAGE, "is linear, too", facts=Facts(moves=True, in_order=True)),
    "in order": lie(pl.Upsample2D, IMAGE, "in_order", facts=Facts(in_order=True)),
    "separate": lie(pl.Softmax, VECTOR, "separate: a number", facts=Facts(separate=True)),
    "elementwise": lie(pl.Softmax, VECTOR, "elementwise: a number", facts=Facts(elementwise=True)),
    "elementwise of another shape": lie(pl.MaxPool2D, IMAGE, "another shape", facts=Facts(elementwise=True)),
    "elementwise of one shape": lie(pl.AveragePool2D, IMAGE, "x of another shape", 1, facts=Facts(elementwise=True)),
    "linear": lie(pl.ReLU, VECTOR, "linear: f", facts=Facts(linear=True)),
    "homogeneous": lie(pl.ELU, VECTOR, "homogeneous", facts=Facts(homogeneous=True)),
    "weights of a curve": lie(pl.Tanh, VECTOR, "of a linear layer", facts=Facts(weights=())),
    "fixed weights": lie(pl.Affine, VECTOR, "weights: [(]", 3, facts=Facts(linear=True, weights=())),
    "weights without a name": lie(pl.Affine, VECTOR, "no parameter V", 3, facts=Facts(linear=True, weights=("V",))),
    "weights that are added": lie(pl.Affine, VECTOR, "twice", 3, facts=Facts(linear=True, weights=("W", "b"))),
    "a bias that is multiplied": lie(pl.Affine, (4,), "is not f.0", 4, facts=Facts(linear=True, weights=("b",))),
    "switches": lie(pl.AveragePool2D, IMAGE, "switches", 2, facts=Facts(switches=True)),
    "pools": lie(pl.LayerNorm, IMAGE, "pools", facts=Facts(pools=True)),
    "keeps sums": lie(pl.Tanh, IMAGE, "keeps_sums", facts=Facts(elementwise=True, keeps_sums=True)),
    "keeps the range": lie(pl.Softplus, VECTOR, "keeps_range", facts=Facts(elementwise=True, keeps_range=True)),
    "normalizes": lie(pl.ReLU, VECTOR, "normalizes", facts=Facts(elementwise=True, normalizes=True)),
    "another function": lie(pl.Tanh, VECTOR, "f is not sigmoid", facts=Facts(elementwise=True, function="sigmoid")),
    "no function": lie(pl.Tanh, VECTOR, "'tan' is none", facts=Facts(elementwise=True, function="tan")),
    "a narrow window": lie(pl.MaxPool2D, IMAGE, "window", 2, window=Window((1, 2), (2, 2))),
    "a wide window": lie(pl.Conv2D, IMAGE, "window", 2, 2, window=Window((3, 3))),
    "one place": lie(pl.Softmax, VECTOR, "window", window=Sees.PLACE),
    "everything": lie(pl.LayerNorm, IMAGE, "window", window=Sees.ALL),
    "taps": lie(pl.ZeroPad2D, IMAGE, "window", window=Taps(np.arange(6)[:, None], np.arange(6)[:, None])),
    "too cheap": lie(pl.Conv2D, IMAGE, "fewer than", 2, 2, multiply_adds=10),
    "no cost": lie(pl.Conv2D, IMAGE, "whole number", 2, 2, multiply_adds=-1),
    "other filters": lie(pl.ConvTranspose2D, (2, 2, 2), "does not count", 2, 2, filter_weights=lambda a: a.params["W"]),
    "no filters": lie(pl.Affine, (4,), "must be a parameter", 3, filter_weights=np.ones((4, 3))),
    "windows": lie(pl.MaxPool2D, IMAGE, "sliding", 2, sliding=Sliding(0.0, lambda x: x)),
    "a scale": lie(pl.BatchNorm, IMAGE, "channel_affine", channel_affine=ONES),
    "what it absorbs": lie(pl.Conv2D, IMAGE, "absorb", 2, 2, absorb=lambda self, after: self),
    "what it fuses with": lie(pl.Affine, VECTOR, "fuse_with", 3, fuse_with=lambda self, following: (self, 1)),
}


@pytest.mark.parametrize("name", LIES)
def test_a_wrong_word_is_caught(name: str) -> None:
    make, shape, fault = LIES[name]
    with pytest.raises(AssertionError, match=f"says what is not so:(.|\n)*{fault}"):
        assert_facts(make(), shape)


def test_a_function_holds_in_training_too() -> None:
    class DropConnect(pl.Affine):
        facts = pl.Affine.facts

        def forward(self, x: Array, *, train: bool = False, rng: Any = None) -> Any:
            return super().forward(x * (rng.random(x.shape) > 0.5) if train else x)

    with pytest.raises(AssertionError, match="function: in training it is not affine"):
        assert_facts(DropConnect(3), 6)


def test_nodes_that_are_others_are_caught() -> None:
    class Other(pl.Sequential):
        @property
        def nodes(self) -> Any:
            return super().nodes[:1]

    with pytest.raises(AssertionError, match="a step for each of 1 nodes, got 2"):
        assert_facts(Other([pl.Affine(3), pl.Tanh()]), 4)


def test_every_fact_has_a_lie() -> None:
    fields = {"in order" if f == "in_order" else f.replace("_", " ") for f in Facts._fields} - {"function", "weights"}
    told = " ".join(LIES).replace("the range", "range")
    assert not [field for field in fields if field not in told]
    assert len(CHECKS) == 16


# To whom a fact belongs


def shifted(kind: type[Layer[Any]]) -> type[Layer[Any]]:
    class Shifted(kind):  # type: ignore[misc, valid-type]
        def forward(self, x: Array, *, train: bool = False, rng: Any = None) -> Any:
            y, cache = super().forward(x, train=train, rng=rng)
            return y + 1, cache

    return Shifted


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_subclass_with_a_pass_of_its_own_starts_without_facts(case: Case) -> None:
    made = case.make()
    made.__class__ = shifted(type(made))
    assert made.facts == UNKNOWN
    assert made.window(case.shape) is made.multiply_adds(case.shape) is made.fuse_with([pl.ReLU()]) is None
    assert made.sliding() is made.channel_affine() is made.absorb(ONES) is made.one_sample([], case.shape) is None
    assert not isinstance(made, pl.Container) or made.nodes is None


def test_a_pass_from_a_mixin_takes_them_too() -> None:
    class Doubling:
        def forward(self, x: Array, **options: Any) -> Any:
            return super().forward(2 * x, **options)  # type: ignore[misc]

    class Mixed(Doubling, pl.Flatten):
        pass

    assert Mixed().facts == UNKNOWN


@pytest.mark.parametrize("shape", [(4,), (2, 3, 4)], ids=["vectors", "images"])
@pytest.mark.parametrize("merge", [pl.Add(), pl.Concat()], ids=["Add", "Concat"])
def test_what_a_merge_says_is_so(merge: pl.Merge[Any], shape: Shape, rng: np.random.Generator) -> None:
    xs, zs = rng.standard_normal((2, 2, 3, *shape))
    y, _ = merge.forward(xs)
    np.testing.assert_allclose(merge.forward(xs + zs)[0], y + merge.forward(zs)[0])  # linear
    assert merge.facts.linear
    assert merge.facts.homogeneous
    assert merge.facts.moves == np.array_equal(np.sort(y, axis=None), np.sort(xs, axis=None))
    assert merge.multiply_adds([shape, shape]) == 0
    places = merge.window([shape, shape])
    for k in range(2):
        changed = xs.copy()
        changed[k].reshape(3, -1)[:, 0] += 1
        there = np.argwhere((merge.forward(changed)[0] != y)[0])
        begin = k * shape[-1] if places is Sees.BESIDE or (merge.facts.moves and len(shape) == 3) else 0
        assert there.tolist() == [[*[0] * (len(shape) - 1), begin]]
    assert places is (Sees.BESIDE if merge.facts.moves and len(shape) == 1 else Sees.PLACE)


def test_every_question_is_taken_back_by_other_passes() -> None:
    asked = {name for kind in (Stated, Answers) for name in vars(kind) if not name.startswith("_")}
    assert asked | {"symbol", "nodes", "fused", "secants"} == FACTS  # of merges, of containers


def test_it_may_state_them_again() -> None:
    class Doubled(pl.Affine):
        facts = Facts(linear=True, weights=("W", "b"))

        def forward(self, x: Array, *, train: bool = False, rng: Any = None) -> Any:
            y, cache = super().forward(x, train=train, rng=rng)
            return 2 * y, cache

    class Named(Doubled):
        """Adds nothing that computes."""

    assert Named(3).facts.weights == ("W", "b")
    assert Named(3).window((4,)) is None  # which it did not state again


def test_an_object_with_a_pass_of_its_own_has_no_facts() -> None:
    class Loud(pl.ReLU):
        def __init__(self, *, name: str = "") -> None:
            super().__init__(name=name)
            self.forward = lambda x, **_: (2 * np.maximum(x, 0), None)  # type: ignore[method-assign]

    assert Loud.facts.function == "relu"
    assert Loud().facts == UNKNOWN
    assert Loud().multiply_adds((3,)) is None


def test_facts_may_follow_from_options() -> None:
    class Raised(pl.Layer[Any]):
        def __init__(self, p: int, *, name: str = "") -> None:
            super().__init__(name=name)
            self.p = p
            self.facts = Facts(elementwise=True, homogeneous=p == 1)

        def infer_shape(self, input_shape: Shape) -> Shape:
            return input_shape

        def forward(self, x: Array, *, train: bool = False, rng: Any = None) -> Any:
            return x**self.p, x

        def backward(self, dy: Array, cache: Array, **_: bool) -> Any:
            return dy * self.p * cache ** (self.p - 1), {}

        def config(self) -> Any:
            return {"p": self.p}

    assert Raised(1).facts.homogeneous
    assert not Raised(2).facts.homogeneous
    assert_facts(Raised(2), 5)


def test_an_attribute_may_not_take_the_place_of_an_answer() -> None:
    class Wide(pl.Layer[Any]):
        def __init__(self) -> None:
            super().__init__()
            self.window = 5  # type: ignore[assignment, method-assign]

        infer_shape = forward = backward = lambda *_: None  # type: ignore[assignment]

    with pytest.raises(ArgumentError, match=r"Wide: window is what a layer says of itself, .* not an attribute for 5"):
        Wide()


def test_other_functions_of_an_activation_are_still_element_by_element() -> None:
    class Cubed(pl.ReLU):
        def function(self, x: Array) -> Array:
            return x**3

        def slope(self, x: Array, y: Array) -> Array:
            return 3 * x**2

    assert Cubed().facts == Activation.facts == Facts(elementwise=True)
    assert Cubed().one_sample([1], (3,)) is None
    assert_facts(Cubed(), 5)


def test_products_of_a_large_network_are_those_of_its_layers() -> None:
    network = pl.Sequential([pl.Conv2D(8, 3), pl.ReLU(), pl.Flatten(), pl.Affine(10)], input_shape=(28, 28, 3))
    assert pl.summary(network).multiply_adds == 26 * 26 * 8 * 27 + math.prod((26, 26, 8)) * 10
