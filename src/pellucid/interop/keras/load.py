"""`load_keras`: a model that Keras saved becomes a network. Keras is not needed, and nothing in the file is run."""

from __future__ import annotations

import os
from typing import Any

from pellucid import checks
from pellucid.checked import checked
from pellucid.files import PathLike
from pellucid.layers import Container
from pellucid.typing import Shape


@checked
@checks.within_memory
def load_keras(path: PathLike, *, input_shape: Shape | int | None = None, output: str | None = None) -> Container[Any]:
    """Return the network that a `.keras` or `.h5` file of Keras 2, Keras 3 or tf_keras holds, with its weights.

    Sequential and functional models are read, models within models too. Layers keep their names; an activation that
    Keras has inside a layer is a layer of its own here, `<name>_activation`, and one that became several has the
    name's beginning. A chain becomes a `Sequential`, anything else a `Graph`. A layer that a model uses at several
    places becomes as many layers, with copies of its weights. How the model was trained is not read.

    Parameters
    ----------
    path : the file
    input_shape : shape of one sample, optional
        Needed where the model leaves sizes open, such as (None, None, 3).
    output : str, optional
        The layer whose output is wanted; needed where the model has several outputs.

    Raises
    ------
    DataError
        If there is no such file, or it cannot be opened.
    FileFormatError
        If it is damaged, or has a layer or an option without a counterpart here, which is named. Lambda layers and
        classes of one's own are refused: their code is never run.

    Examples
    --------
    >>> network = pl.Sequential([pl.Conv2D(2, 3), pl.ReLU(), pl.Flatten(), pl.Affine(3)], input_shape=(6, 6, 1))
    >>> pl.save_keras(network, "digits.keras")
    >>> pl.load_keras("digits.keras").names
    ('conv2d1', 'relu1', 'flatten1', 'affine1')
    """
    from pellucid.interop.keras.read import read_network  # loads a reader for each of Keras' layers

    with checks.open_file("load_keras", path) as file:
        return read_network(file, f"load_keras: {os.fspath(path)}", input_shape, output)
