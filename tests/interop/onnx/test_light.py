"""Two of the nine well-known networks, run and explained; `python -m interop.onnx.light` does all of them."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

from interop.onnx.light import difference, explained, imported, weighted


@pytest.mark.parametrize("name", ["squeezenet", "shufflenet"])
def test_a_well_known_network_gives_what_onnxruntime_gives_and_is_explained(name):
    proto = weighted(name)
    network = imported(proto)
    x = np.random.default_rng(1).standard_normal((1, 3, 224, 224), dtype=np.float32)

    assert difference(proto, network, x) < 1e-3
    for values in explained(network, x).values():
        assert np.isfinite(values).all()
        assert values.any()
