"""State dictionaries of PyTorch: into networks of ours, and back, beside what PyTorch computes."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from peers import assert_close, first, last
from pellucid.errors import ArgumentError, DataError, FileFormatError

torch = pytest.importorskip("torch")
st = pytest.importorskip("safetensors.torch")
nn = torch.nn

from interop.torch_modules import MnistCNN, ResNet18, drawn, mnist_cnn, resnet18  # noqa: E402  # they need torch


def saved(module: Any, path: Any) -> Any:
    """Write the state of a module, with random numbers."""
    st.save_file(drawn(module).state_dict(), path)
    return path


def run(module: Any, x: np.ndarray) -> np.ndarray:
    """What a module makes of channels-last images."""
    with torch.no_grad():
        return last(module(torch.from_numpy(first(x))).numpy())


def pictures(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).standard_normal((2, *shape)).astype(np.float32)


def test_m4_gives_what_pytorch_gives(tmp_path):
    module, network, x = MnistCNN(), mnist_cnn(), pictures(28, 28, 1)
    pl.load_torch(network, saved(module, tmp_path / "state.safetensors"))
    assert_close(network(x), run(module, x))


def test_resnet18_gives_what_pytorch_gives_whatever_our_layers_are_called(tmp_path):
    module, network, x = ResNet18(), resnet18(64), pictures(64, 64, 3)
    pl.load_torch(network, saved(module, tmp_path / "state.safetensors"))
    assert_close(network(x), run(module, x))


def test_the_table_says_which_tensor_went_where(tmp_path):
    network = mnist_cnn()
    matches = pl.load_torch(network, saved(MnistCNN(), tmp_path / "state.safetensors"))
    assert matches[2] == (
        "fc1.weight",
        "affine1.W",
        (100, 4320),
        (4320, 100),
        "transpose(1, 0), rows of (12, 12, 30) from (C, H, W)",
    )
    assert str(matches).splitlines()[-1] == ("fc2.bias     (10,)          affine2.b  (10,)          as it is")


def flat_norm() -> tuple[Any, pl.Sequential]:
    theirs = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(36), nn.Linear(36, 5), nn.BatchNorm1d(5, affine=False))
    ours = [pl.Flatten(), pl.BatchNorm(), pl.Dropout(0.5), pl.Affine(5), pl.BatchNorm()]
    return theirs, pl.Sequential(ours, input_shape=(4, 3, 3))


def kernels() -> tuple[Any, pl.Sequential]:
    theirs = nn.Sequential(
        nn.Conv2d(4, 6, 3, groups=2),
        nn.Conv2d(6, 12, 3, groups=6, bias=False),
        nn.ConvTranspose2d(12, 6, 2, 2, groups=3),
    )
    ours = [
        pl.Conv2D(6, 3, groups=2),
        pl.DepthwiseConv2D(3, 2, bias=False),
        pl.ConvTranspose2D(6, 2, stride=2, groups=3),
    ]
    return theirs, pl.Sequential(ours, input_shape=(8, 7, 4))


def norms() -> tuple[Any, pl.Sequential]:
    theirs = nn.Sequential(nn.Conv2d(2, 4, 1), nn.GroupNorm(2, 4), nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4))
    return theirs, pl.Sequential(
        [pl.Conv2D(4, 1), pl.GroupNorm(2), pl.Conv2D(4, 1), pl.BatchNorm()], input_shape=(5, 5, 2)
    )


def slopes() -> tuple[Any, pl.Sequential]:
    theirs = nn.Sequential(nn.Conv2d(2, 4, 1), nn.PReLU(4), nn.InstanceNorm2d(4, affine=True))
    return theirs, pl.Sequential([pl.Conv2D(4, 1), pl.PReLU(), pl.InstanceNorm()], input_shape=(5, 5, 2))


def rows() -> tuple[Any, pl.Sequential]:
    """A convolution over sequences, as images of one row."""

    class Rows(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv1d(3, 4, 3)

        def forward(self, x: Any) -> Any:
            return self.conv(x[:, :, 0])[:, :, None]

    return Rows(), pl.Sequential([pl.Conv2D(4, (1, 3))], input_shape=(1, 9, 3))


@pytest.mark.parametrize("make", [flat_norm, kernels, norms, slopes, rows])
def test_every_kind_of_layer_gives_what_pytorch_gives(make, tmp_path):
    module, network = make()
    x = pictures(*network.input_shape)
    path = saved(module, tmp_path / "state.safetensors")
    pl.load_torch(network, path)
    assert_close(network(x), run(module, x))

    pl.save_torch(network, tmp_path / "back.safetensors", like=path)
    back = st.load_file(tmp_path / "back.safetensors")
    assert all(torch.equal(back[name], tensor) for name, tensor in module.state_dict().items())
    assert back.keys() == module.state_dict().keys()


def test_a_network_of_ours_is_taken_by_load_state_dict(tmp_path):
    network, x = mnist_cnn(), pictures(28, 28, 1)
    pl.save_torch(network, tmp_path / "ours.safetensors")
    module = nn.Sequential(
        OrderedDict(
            conv2d1=nn.Conv2d(1, 30, 5),
            relu1=nn.ReLU(),
            pool=nn.MaxPool2d(2),
            flatten=nn.Flatten(),
            affine1=nn.Linear(4320, 100),
            relu2=nn.ReLU(),
            affine2=nn.Linear(100, 10),
        )
    )
    module.load_state_dict(st.load_file(tmp_path / "ours.safetensors"))
    assert_close(network(x), run(module, x))


def two_of_one_shape() -> tuple[Any, pl.Graph]:
    theirs = nn.ModuleDict({"encoder": nn.Linear(3, 3), "decoder": nn.Linear(3, 3)})
    return theirs, pl.Graph({"one": (pl.Affine(3), "input"), "two": (pl.Affine(3), "one")}, input_shape=3)


def test_an_order_that_no_name_tells_is_asked_for(tmp_path):
    module, network = two_of_one_shape()
    path = saved(module, tmp_path / "state.safetensors")
    with pytest.raises(FileFormatError, match="'decoder' and 'encoder' have the same shapes.* names="):
        pl.load_torch(network, path)
    pl.load_torch(network, path, names={"encoder": "one", "decoder.weight": "two.W"})
    np.testing.assert_array_equal(network.params["one.W"], module["encoder"].weight.detach().numpy().T)
    np.testing.assert_array_equal(network.params["two.b"], module["decoder"].bias.detach().numpy())


def test_names_that_agree_are_believed_before_any_order(tmp_path):
    module, _ = two_of_one_shape()
    network = pl.Graph({"encoder": (pl.Affine(3), "input"), "decoder": (pl.Affine(3), "encoder")}, input_shape=3)
    pl.load_torch(network, saved(module, tmp_path / "state.safetensors"))
    np.testing.assert_array_equal(network.params["encoder.b"], module["encoder"].bias.detach().numpy())


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ({"decodre": "one"}, "there is no 'decodre'"),
        ({"decoder": "won"}, "there is no 'won'"),
        ({"decoder": "one", "decoder.bias": "two"}, "the same tensors"),
    ],
)
def test_names_that_do_not_fit_are_told(names, told, tmp_path):
    module, network = two_of_one_shape()
    path = saved(module, tmp_path / "state.safetensors")
    with pytest.raises(ArgumentError, match=told):
        pl.load_torch(network, path, names=names)


def test_what_has_no_place_is_told_with_what_has_one_and_nothing_is_changed(tmp_path):
    network = mnist_cnn()
    before = {name: array.copy() for name, array in network.params.items()}
    module = MnistCNN()
    module.fc2 = nn.Linear(100, 7)
    path = saved(module, tmp_path / "state.safetensors")
    with pytest.raises(
        FileFormatError, match=r"affine2 has no .*\(10, 100\).*fc2 .*\(7, 100\).*conv is conv2d1, fc1 is"
    ):
        pl.load_torch(network, path)
    assert all(np.array_equal(before[name], array) for name, array in network.params.items())


def test_numbers_that_are_none_are_refused_before_anything_is_changed(tmp_path):
    module, network = MnistCNN(), mnist_cnn()
    before = network.params["conv2d1.W"].copy()
    state = drawn(module).state_dict()
    state["fc2.bias"][3] = torch.nan
    st.save_file(state, tmp_path / "state.safetensors")
    with pytest.raises(FileFormatError, match=r"fc2\.bias holds 1 NaN"):
        pl.load_torch(network, tmp_path / "state.safetensors")
    np.testing.assert_array_equal(network.params["conv2d1.W"], before)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "pickle"])
def test_a_pickle_is_refused_with_the_lines_that_convert_it(zipped, tmp_path):
    torch.save(MnistCNN().state_dict(), tmp_path / "model.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(FileFormatError, match=r"pickle.*torch\.load\(.*weights_only=True\).*save_file\(state"):
        pl.load_torch(mnist_cnn(), tmp_path / "model.pt")


def test_layers_without_a_counterpart_are_named(tmp_path):
    network = pl.Sequential([pl.Affine(12), pl.Reshape((2, 3, 2))], input_shape=3)
    with pytest.raises(ArgumentError, match="reshape1 makes a picture"):
        pl.save_torch(network, tmp_path / "state.safetensors")
    branches = {"a": (pl.Flatten(), "input"), "b": (pl.Flatten(), "input"), "ab": (pl.Concat(), ["a", "b"])}
    graph = pl.Graph({**branches, "out": (pl.Affine(2), "ab")}, input_shape=(2, 2, 3))
    with pytest.raises(ArgumentError, match="out takes flattened pictures side by side"):
        pl.save_torch(graph, tmp_path / "state.safetensors")


def test_a_weight_that_is_no_number_is_not_written(tmp_path):
    network = mnist_cnn()
    network.params["affine2.b"] = np.full(10, np.inf)
    with pytest.raises(DataError, match=r"affine2\.bias holds 10"):
        pl.save_torch(network, tmp_path / "state.safetensors")
    assert not (tmp_path / "state.safetensors").exists()
