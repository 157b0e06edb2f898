"""What holds for every picture: nothing shown, no global state touched, nothing loaded too early."""

from __future__ import annotations

import ast
import io
import pickle
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

import pellucid
from pellucid import plots
from pellucid.data import Dataset
from pellucid.errors import MissingDependencyError
from pellucid.explain.all_classes import all_classes
from pellucid.explain.evaluate import trust_card
from pellucid.explain.maximization.maximize import maximize
from pellucid.explain.methods.occlusion import occlusion
from pellucid.explain.methods.saliency import saliency
from pellucid.layers import Affine, Conv2D, Flatten, ReLU, Sequential
from pellucid.models import TwoLayerNet
from pellucid.views import diagram, top_samples
from plots.histories import history

IMAGES = np.zeros((4, 6, 6))


def cnn():
    """A small network of images."""
    return Sequential([Conv2D(4, 3), ReLU(), Flatten(), Affine(3)], input_shape=(6, 6, 1))


@cache
def card():
    """A trust card of a small network, which takes a second to make."""
    rng = np.random.default_rng(0)
    network = Sequential([Conv2D(4, 3), ReLU(), Flatten(), Affine(3)], input_shape=(8, 8, 1))
    return trust_card(network, saliency, Dataset(rng.random((12, 8, 8, 1)), np.arange(12) % 3), images=6)


PICTURES = {
    "training_figure": lambda: plots.training_figure(history()),
    "learning_curves": lambda: plots.learning_curves({"a": history(), "b": history(rate=0.2)}, log=True),
    "sample_grid": lambda: plots.sample_grid(IMAGES, [0, 1, 2, 3], predicted=[0, 1, 2, 0], title="Sample"),
    "mistakes": lambda: plots.mistakes(IMAGES, [0, 1, 1, 0], np.tile([0.3, 0.7], (4, 1))),
    "confusion_matrix": lambda: plots.confusion_matrix([0, 1, 1], [0, 1, 0]),
    "feature_maps": lambda: plots.feature_maps(np.ones((4, 4, 3))),
    "convolution_and_pooling": lambda: plots.convolution_and_pooling(
        np.ones((6, 6)), np.ones((4, 4, 3)), np.ones((2, 2, 3))
    ),
    "diagram": lambda: plots.diagram(diagram(TwoLayerNet(9, 4, 3))),
    "heatmaps": lambda: plots.heatmaps(saliency(TwoLayerNet(9, 4, 3), np.eye(9))),
    "maximized": lambda: plots.maximized(maximize(TwoLayerNet(9, 4, 3), [0, 2], steps=2, data=np.eye(9))),
    "trust_card": lambda: plots.trust_card(card()),
    "class_maps": lambda: plots.class_maps(all_classes(TwoLayerNet(9, 4, 3), np.ones(9))),
    "occlusion_maps": lambda: plots.occlusion_maps(occlusion(cnn(), IMAGES[..., None], patch=3)),
    "top_samples": lambda: plots.top_samples(
        [top_samples(cnn(), "conv2d1", k, IMAGES[..., None] + 0.1) for k in range(2)], ["a", "b"], [0, 1, 2, 3]
    ),
    "filter_grid": lambda: plots.filter_grid(np.ones((3, 3, 2, 4))),
}


def saved(fig):
    stream = io.BytesIO()
    fig.savefig(stream, format="png", dpi=50)
    return stream.getvalue()


def in_a_new_process(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_every_public_function_is_in_this_suite():
    public = {n for n, f in vars(plots).items() if callable(f) and not n.startswith("_")}

    assert public == PICTURES.keys()


@pytest.mark.parametrize("name", PICTURES)
def test_a_figure_is_returned_that_can_be_saved_and_leaves_the_settings_alone(name):
    before = dict(mpl.rcParams)

    fig = PICTURES[name]()

    assert isinstance(fig, Figure)
    assert saved(fig).startswith(b"\x89PNG")
    assert fig.get_facecolor() == (1, 1, 1, 1)
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("name", PICTURES)
def test_nothing_lies_outside_the_figure(name):
    fig = PICTURES[name]()
    fig.draw_without_rendering()

    box, page = fig.get_tightbbox(), fig.get_size_inches()

    assert box.x0 >= 0
    assert box.y0 >= 0
    assert box.x1 <= page[0]
    assert box.y1 <= page[1]


@pytest.mark.parametrize("name", PICTURES)
def test_the_look_does_not_depend_on_the_readers_settings(name):
    expected = saved(PICTURES[name]())
    theirs = {
        "font.size": 30,
        "axes.facecolor": "black",
        "text.color": "pink",
        "axes.grid": False,
        "xtick.labelsize": 40,
        "ytick.color": "red",
        "grid.color": "green",
        "lines.linewidth": 9,
        "axes.titlesize": 40,
        "figure.dpi": 30,
    }

    with mpl.rc_context(theirs):
        assert saved(PICTURES[name]()) == expected


def test_pictures_drawn_by_several_threads_are_those_drawn_alone():
    alone = {name: saved(make()) for name, make in PICTURES.items()}
    before = dict(mpl.rcParams)

    with ThreadPoolExecutor(4) as pool:
        jobs = {(name, turn): pool.submit(make) for turn in range(3) for name, make in PICTURES.items()}
        together = {key: saved(job.result()) for key, job in jobs.items()}

    assert all(picture == alone[name] for (name, _), picture in together.items())
    assert dict(mpl.rcParams) == before


def test_a_notebook_gets_the_picture_and_the_size_to_show_it_at():
    fig = plots.confusion_matrix([0, 1], [0, 1])

    data, size = fig._repr_png_()

    assert data.startswith(b"\x89PNG")
    assert size == {"width": round(96 * fig.get_figwidth()), "height": round(96 * fig.get_figheight())}


def test_a_figure_survives_pickling():
    fig = pickle.loads(pickle.dumps(plots.feature_maps(np.ones((4, 4, 3)))))

    assert len(fig.axes) == 4
    assert fig._repr_png_()[0].startswith(b"\x89PNG")


def test_pyplot_is_never_loaded():
    code = (
        "import io, sys, pellucid.plots as p; p.confusion_matrix([0, 1], [0, 1]).savefig(io.BytesIO());"
        "print('matplotlib' in sys.modules, 'matplotlib.pyplot' in sys.modules)"
    )
    assert in_a_new_process(code) == "True False"


def test_importing_the_room_does_not_import_matplotlib():
    assert in_a_new_process("import sys, pellucid.plots; print('matplotlib' in sys.modules)") == "False"


def test_plots_see_arrays_and_results_only():
    rooms = ("plots", "pictures", "arrays", "checks", "checked", "errors", "flat", "shown", "typing")
    allowed = tuple(f"pellucid.{name}" for name in rooms)
    room = Path(pellucid.__file__).parent / "plots"
    found = set()
    for file in room.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("pellucid"):
                names = [node.module] if node.module != "pellucid" else [f"pellucid.{a.name}" for a in node.names]
                found |= {name for name in names if not name.startswith(allowed)}

    assert found == set()


def test_without_matplotlib_the_command_to_install_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    with pytest.raises(MissingDependencyError, match=r"plots.confusion_matrix needs matplotlib.*pellucid\[plots\]"):
        plots.confusion_matrix([0, 1], [0, 1])


def test_a_dollar_in_a_name_is_a_dollar():
    fig = plots.confusion_matrix([0, 1], [0, 1], ["US$", "A$ or C$"])

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        saved(fig)
    assert not fig.axes[0].get_xticklabels()[1].get_parse_math()
