"""README's table "Works with" is true: every line of code in it runs, and the other side opens what it writes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as pl

README = (Path(__file__).parents[1] / "README.md").read_text()
TABLE = README.split("## Works with")[1].split("\n## ")[0]
ROWS = {
    cells[0].strip(): [code for cell in cells[1:] for code in re.findall(r"`([^`]+)`", cell)]
    for cells in (line.strip("|").split("|") for line in TABLE.splitlines() if line.startswith("|"))
    if any("`" in cell for cell in cells)
}
NEEDS = {
    "NumPy": [],
    "pandas, polars": ["pandas", "polars"],
    "scikit-learn": ["sklearn"],
    "Matplotlib, Jupyter": ["matplotlib"],
    "Pillow": ["PIL"],
    "ONNX": ["onnx", "onnxruntime"],
    "Keras 3, and 2": ["torch", "keras", "h5py"],
    "PyTorch": ["torch", "safetensors"],
    "safetensors": ["safetensors"],
}


def test_every_row_is_tested():
    assert set(ROWS) == set(NEEDS)
    assert all(ROWS.values())


@pytest.mark.filterwarnings("ignore::DeprecationWarning:keras")
@pytest.mark.parametrize("row", ROWS)
def test_the_row_runs(row, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    for name in NEEDS[row]:
        pytest.importorskip(name)
    monkeypatch.chdir(tmp_path)
    given = names()
    prepare(row, given)
    for code in ROWS[row]:
        exec(compile(code, f"README.md: {row}", "exec"), given)
    opened_there(row, given)


def names() -> dict[str, Any]:
    """What the lines of the table begin with."""
    rng = np.random.default_rng(0)
    X = rng.random((60, 8, 8, 1), np.float32)
    t = (X.mean(axis=(1, 2, 3)) > 0.5).astype(int)
    network = pl.Sequential([pl.Conv2D(4, 3), pl.ReLU(), pl.Flatten(), pl.Affine(2)], input_shape=(8, 8, 1))
    history = pl.fit(network, (X, t), batch_size=20, progress=False)
    return {"np": np, "pl": pl, "X": X, "t": t, "network": network, "history": history, "table": X.reshape(60, 64)}


def prepare(row: str, given: dict[str, Any]) -> None:
    """Write, by the other side, the files that the row reads."""
    columns = {f"pixel{i}": given["table"][:, i] for i in range(64)} | {"label": given["t"]}
    if row == "pandas, polars":
        import pandas as pd
        import polars

        given.update(frame=pd.DataFrame(columns), other=polars.DataFrame(columns))
    if row == "scikit-learn":
        from sklearn.model_selection import GridSearchCV

        from pellucid.sklearn import PellucidClassifier

        given.update(GridSearchCV=GridSearchCV, PellucidClassifier=PellucidClassifier)
    if row == "Pillow":
        from PIL import Image

        Image.new("L", (30, 20), 128).save("picture.png")
    if row == "safetensors":
        pl.save(given["network"], "network.safetensors")
    if row == "ONNX":
        pl.save_onnx(given["network"], "model.onnx")
    if row == "Keras 3, and 2":
        import keras
        from keras import layers

        model = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(2)])
        model.save("model.keras")
        model.save("model.h5")
    if row == "PyTorch":
        given["module"] = module()
        from safetensors.torch import save_file

        save_file(given["module"].state_dict(), "weights.safetensors")


def module() -> Any:
    from torch import nn

    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2))


def opened_there(row: str, given: dict[str, Any]) -> None:
    """The other side reads what was written, and computes the same."""
    x, ours = given["X"], given["network"](given["X"])
    if row == "ONNX":
        import onnxruntime

        session = onnxruntime.InferenceSession("network.onnx")
        np.testing.assert_allclose(session.run(None, {session.get_inputs()[0].name: x})[0], ours, atol=1e-5)
    if row == "Keras 3, and 2":
        import keras

        there = keras.saving.load_model("network.keras").predict(x, verbose=0)
        np.testing.assert_allclose(there, ours, atol=1e-5)
    if row == "PyTorch":
        import torch
        from safetensors.torch import load_file

        with torch.no_grad():
            x_there = torch.tensor(x).permute(0, 3, 1, 2)
            np.testing.assert_allclose(given["module"](x_there).numpy(), ours, atol=1e-5)  # it came in
            other = module()
            pl.save_torch(given["network"], "named.safetensors", like="weights.safetensors")
            other.load_state_dict(load_file("named.safetensors"))
            np.testing.assert_allclose(other(x_there).numpy(), ours, atol=1e-5)
    if row == "safetensors":
        from safetensors.numpy import load_file as arrays

        assert arrays("network.safetensors").keys() == given["network"].params.keys()
