"""Whatever offers an array is taken at every public door, and what cannot become one is refused with a remedy."""

from __future__ import annotations

import array
import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid import arrays
from pellucid.errors import DataError, PellucidError

IMAGES = np.random.default_rng(4).random((6, 4, 4, 1), np.float32)
LABELS = np.array([0, 1, 2, 0, 1, 2])


class Offers:
    """An object of another library that offers an array by one protocol only."""

    def __init__(self, values: np.ndarray[Any, Any]) -> None:
        self.values = values


class OffersArray(Offers):
    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.values if dtype is None else self.values.astype(dtype)


class OffersDLPack(Offers):
    def __dlpack__(self, **options: Any) -> Any:
        return self.values.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.values.__dlpack_device__()


class Refuses:
    """One whose protocol fails, in its own way."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise RuntimeError("gone\nfor good")


def torch_tensor(values: Any) -> Any:
    return pytest.importorskip("torch").tensor(values)


KINDS: dict[str, Callable[[Any], Any]] = {
    "__array__": OffersArray,
    "__dlpack__": OffersDLPack,
    "list": lambda values: values.tolist(),
    "memoryview": memoryview,
    "torch": torch_tensor,
    "jax": lambda values: pytest.importorskip("jax.numpy").asarray(values),
    "list of torch": lambda values: list(torch_tensor(values)),
}


def network() -> pl.Sequential:
    layers = [pl.Conv2D(3, 3, padding=1), pl.ReLU(), pl.GlobalAveragePool2D(), pl.Affine(3)]
    return pl.Sequential(layers, input_shape=(4, 4, 1), seed=1)


def trained(x: Any, t: Any) -> np.ndarray[Any, Any]:
    net = network()
    pl.fit(net, pl.Dataset(x, t), epochs=1, batch_size=3, progress=False)
    return net(IMAGES)


def drawn(figure: Any) -> np.ndarray[Any, Any]:
    return np.concatenate([np.asarray(image.get_array()).ravel() for axes in figure.axes for image in axes.images])


DOORS: dict[str, Callable[[Any, Any], Any]] = {
    "call": lambda x, t: network()(x),
    "forward": lambda x, t: network().forward(x)[0],
    "predict": lambda x, t: pl.predict(network(), x),
    "predict_proba": lambda x, t: pl.predict_proba(network(), x),
    "predict_classes": lambda x, t: pl.predict_classes(network(), x),
    "Dataset": lambda x, t: pl.Dataset(x, t).x,
    "Dataset, labels": lambda x, t: pl.Dataset(x, t).t,
    "Dataset, index": lambda x, t: pl.Dataset(IMAGES, LABELS)[t].x,
    "Dataset, numbers": lambda x, t: pl.Dataset(x, t, task="regression").t,
    "fit": trained,
    "evaluate": lambda x, t: pl.evaluate(network(), pl.Dataset(x, t)).loss,
    "check_gradients": lambda x, t: [r.error for r in pl.check_gradients(network(), x, t).rows],
    "numerical_gradient": lambda x, t: pl.numerical_gradient(lambda a: float(np.sum(a) ** 2), x).round(),
    "softmax": lambda x, t: pl.softmax(x),
    "sigmoid": lambda x, t: pl.sigmoid(x),
    "one_hot": lambda x, t: pl.one_hot(t, 3),
    "SoftmaxCrossEntropy": lambda x, t: pl.SoftmaxCrossEntropy().forward(network()(x), t)[0],
    "saliency": lambda x, t: pl.explain.saliency(network(), x, t).values,
    "grad_cam": lambda x, t: pl.explain.grad_cam(network(), x, t).values,
    "occlusion": lambda x, t: pl.explain.occlusion(network(), x, t, patch=2).values,
    "baseline": lambda x, t: pl.explain.integrated_gradients(network(), IMAGES, LABELS, baseline=x).values,
    "maximize": lambda x, t: pl.explain.maximize(network(), 1, data=x, steps=1, seed=1).nearest.indices,
    "sample_grid": lambda x, t: drawn(pl.plots.sample_grid(x, t)),
    "confusion_matrix": lambda x, t: drawn(pl.plots.confusion_matrix(t, t)),
    "summary": lambda x, t: str(pl.summary(network(), x, t)),
    "top_samples": lambda x, t: pl.views.top_samples(network(), "relu1", 0, x, 2).values,
}


@pytest.mark.parametrize(
    ("door", "kind"),
    # A list of baselines is several baselines.
    [(door, kind) for door in DOORS for kind in KINDS if not (door == "baseline" and "list" in kind)],
)
def test_every_door_takes_what_offers_an_array(door, kind):
    f, given = DOORS[door], KINDS[kind]
    x = np.array(IMAGES.tolist()) if kind == "list" else IMAGES  # a list of Python's floats is one of float64

    np.testing.assert_equal(f(given(IMAGES), given(LABELS)), f(x, LABELS))


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
@pytest.mark.parametrize("bad", [Refuses(), {"x": 1}, iter([1]), object()], ids=lambda b: type(b).__name__)
def test_every_door_refuses_what_is_no_array_in_one_line(door, bad):
    with pytest.raises(PellucidError) as caught:
        door(bad, bad)
    assert "\n" not in str(caught.value)


def test_a_table_of_polars_or_pandas_is_taken_with_its_column_of_labels():
    table = {"a": [0.0, 1.0, 2.0], "b": [True, False, True], "label": [0, 1, 1]}
    for name in ("polars", "pandas"):
        frame = pytest.importorskip(name).DataFrame(table)
        data = pl.Dataset(frame[["a", "b"]], frame["label"])

        np.testing.assert_array_equal(data.x, [[0, 1], [1, 0], [2, 1]])
        np.testing.assert_array_equal(data.t, [0, 1, 1])


def test_a_column_called_x_is_not_taken_for_the_samples_of_a_data_set():
    frame = pytest.importorskip("pandas").DataFrame({"x": [0.0, 1.0], "t": [1.0, 0.0]})
    net = pl.Sequential([pl.Affine(2), pl.ReLU()], input_shape=2, seed=1)
    array = frame.to_numpy()

    np.testing.assert_array_equal(
        pl.views.top_samples(net, "relu1", 0, frame, 2).values, pl.views.top_samples(net, "relu1", 0, array, 2).values
    )
    nearest = pl.explain.maximize(net, 1, data=frame, steps=1, seed=1).nearest
    assert nearest.samples.shape == (1, 2)
    assert nearest.labels is None


def test_a_column_of_pictures_and_nullable_columns_become_one_array():
    pandas = pytest.importorskip("pandas")

    assert arrays.numbers("f", "x", pandas.Series(list(IMAGES))).shape == IMAGES.shape
    assert arrays.numbers("f", "x", pandas.Series([1, 2], dtype="Int64")).dtype.kind in "iuf"


def test_a_buffer_is_read_with_its_dtype():
    assert arrays.numbers("f", "x", array.array("d", [1, 2])).tolist() == [1.0, 2.0]


def test_nothing_is_copied_where_memory_can_be_shared():
    values = np.arange(3.0)
    for kind in (lambda a: a, OffersArray, OffersDLPack, memoryview):
        assert np.shares_memory(arrays.as_array("f", "x", kind(values)), values)


def test_memory_taken_by_dlpack_outlives_its_giver():
    taken = arrays.as_array("f", "x", OffersDLPack(np.arange(100_000.0)))
    gc.collect()

    assert taken.sum() == 100_000 * 99_999 / 2


REFUSED = {
    "masked": (np.ma.array([1, 2], mask=[0, 1]), r"x holds masked values. Fill them: x\.filled\(0\)"),
    "text": (["1", "2"], "x must hold numbers, got <U1"),
    "one text": ("12", "x must hold numbers, got <U2"),
    "bytes": (b"12", r"x must hold numbers, got \|S2"),
    "complex": ([1j], "x must hold numbers, got complex128"),
    "dates": (np.zeros(2, "M8[s]"), "x must hold numbers, got datetime64"),
    "hole": ([1.0, None], "x must hold numbers, got object"),
    "ragged": ([[1, 2], [3]], r"x cannot become an array \(.*\)\. Give every sample the same shape\.$"),
    "generator": ((i for i in range(3)), r"got generator\. Write list\(x\)\.$"),
    "dict": ({"a": 1}, r"x must be an array or a list of numbers, got dict\.$"),
    "failing": (Refuses(), r"x cannot become an array \(gone for good\)"),
}


@pytest.mark.parametrize(("value", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_become_numbers_is_refused_with_its_remedy(value, message):
    with pytest.raises(DataError, match="^f: .*" + message):
        arrays.numbers("f", "x", value)


def test_tensors_of_torch_that_numpy_cannot_read_are_refused_with_what_to_write():
    torch = pytest.importorskip("torch")
    x = torch.ones(2, 3)
    for tensor, remedy in [
        (x.clone().requires_grad_(), r"It carries gradients: x\.detach\(\)\."),
        (x.to(torch.bfloat16), r"x\.float\(\)\."),
        (x.to_sparse(), r"x\.to_dense\(\)\."),
        (torch.ones(2, 3, device="meta"), r"It lies on another device: x\.cpu\(\)\."),
    ]:
        with pytest.raises(DataError, match=remedy):
            arrays.numbers("f", "x", tensor)


def test_a_sparse_matrix_and_a_lazy_table_are_refused_with_what_to_write():
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(DataError, match=r"got csr_matrix\. Make it dense: x\.toarray\(\)\."):
        arrays.numbers("f", "x", sparse.csr_matrix(np.eye(2)))
    lazy = pytest.importorskip("polars").DataFrame({"a": [1]}).lazy()
    with pytest.raises(DataError, match=r"got LazyFrame\. Compute it first: x\.collect\(\)\."):
        arrays.numbers("f", "x", lazy)


@pytest.mark.parametrize("name", ["polars", "pandas"])
def test_dates_beside_numbers_are_no_numbers(name):
    library = pytest.importorskip(name)
    frame = library.DataFrame({"a": [1.5, 2.5], "t": np.array(["2024-01-01", "2024-01-02"], "datetime64[ns]")})
    for value in (frame, frame["t"]):
        with pytest.raises(DataError, match=r"x cannot become an array \(it holds dates or times"):
            pl.Dataset(value, [0, 1])
    assert pl.Dataset(frame[["a"]], [0, 1]).x.tolist() == [[1.5], [2.5]]
