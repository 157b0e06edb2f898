"""Model randomisation: the map of a network that has forgotten what it learnt must be another one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid import checks
from pellucid.checked import checked, checked_late
from pellucid.explain.evaluate.attribution import Explainer, attributions, maps, name_of, rows, settle
from pellucid.explain.evaluate.controls import edge_detector
from pellucid.explain.evaluate.measure import Estimate, Measure, estimate
from pellucid.explain.evaluate.ranks import spearman
from pellucid.explain.evaluate.ssim import ssim
from pellucid.layers import copy_network
from pellucid.layers.container import network_of
from pellucid.layers.parts import AnyContainer
from pellucid.layers.spec import remade
from pellucid.typing import Array, ArrayLike, Arrays

MODES = ("cascading", "independent")


@checked_late
@dataclass(frozen=True, eq=False)
class Randomization:
    """How alike the map of the trained network and those of randomised ones are.

    Attributes
    ----------
    layers : (L,) names of the layers with parameters, from the last to the first
    mode : "cascading": the l-th network has the layers 0..l drawn anew; "independent": layer l alone
    method : in words
    absolute, signed : (S, L, N) rank correlation of |values| and of values, for each seed, layer and image
    likeness : (S, L, N) the size of the signed one, since a map turned into its negative shows the same; as it is
        where neither map has a negative value
    similarity : (S, L, N) structural similarity of |values|; empty for vectors
    edges : (N,) rank correlation of |values| of the trained network with the edges of the image; empty for vectors

    Examples
    --------
    >>> from pellucid.explain import evaluate
    >>> layers = [pl.Conv2D(4, 3), pl.ReLU(), pl.Flatten(), pl.Affine(3)]
    >>> network = pl.Sequential(layers, input_shape=(8, 8, 1))
    >>> x = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    >>> found = evaluate.model_randomization(network, evaluate.edge_detector, x, seeds=1)
    >>> found.after(1).round(4).tolist()  # an edge detector never changes
    [1.0, 1.0]
    """

    layers: tuple[str, ...]
    mode: str
    method: str
    absolute: Array
    signed: Array
    likeness: Array
    similarity: Array
    edges: Array

    def curve(self, kind: str = "likeness") -> list[Estimate]:
        """Return mean and error over images for each layer; seeds are averaged first. kind: the name of an array."""
        values: Array = getattr(self, kind)
        return [estimate(values[:, layer].mean(axis=0)) for layer in range(values.shape[1])]

    def after(self, layers: int) -> Array:
        """Return the likeness (N,) after that many steps, 1 for the last layer alone; seeds averaged."""
        return np.asarray(self.likeness[:, layers - 1].mean(axis=0))

    def __str__(self) -> str:
        lines = [f"{self.method}: {self.mode} randomisation, {self.absolute.shape[2]} images, rank correlation"]
        width = max(map(len, self.layers))
        for i, layer in enumerate(self.layers):
            kinds = ["likeness", "absolute", "signed", *(["similarity"] if self.similarity.size else [])]
            parts = [f"{kind} {self.curve(kind)[i]}" for kind in kinds]
            lines.append(f"  {layer:<{width}}  {'   '.join(parts)}")
        return "\n".join(lines)


@checked
def model_randomization(
    network: Any,
    method: Explainer,
    x: ArrayLike,
    target: Any = "predicted",
    *,
    mode: str = "cascading",
    seeds: int = 3,
    seed: int = 0,
) -> Randomization:
    """Return how alike maps stay while the layers are drawn anew, from the last to the first.

    A method that explains what the network learnt gives another map when that is gone. Copies are randomised; the
    caller's network is as it was. The class asked about stays that of the trained network.

    Parameters
    ----------
    network, method, x, target : as in `deletion`
    mode : "cascading" or "independent"
    seeds : networks drawn for each step
    seed : of these draws

    References
    ----------
    Adebayo et al. (2018), "Sanity checks for saliency maps", arXiv:1810.03292.

    Examples
    --------
    >>> from pellucid.explain import evaluate
    >>> layers = [pl.Conv2D(4, 3), pl.ReLU(), pl.Flatten(), pl.Affine(3)]
    >>> network = pl.Sequential(layers, input_shape=(8, 8, 1))
    >>> x = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    >>> found = evaluate.model_randomization(network, pl.explain.saliency, x, seeds=1)
    >>> found.layers, found.likeness.shape
    (('affine1', 'conv2d1'), (1, 2, 2))
    """
    who = "model_randomization"
    checks.expect_known(who, "mode", mode, MODES)
    draws = checks.size(who, "seeds", seeds)
    asked = settle(who, network_of(network, who, built=True), x, target, "logit")
    whole, x = asked.question.body, asked.question.x
    own = maps(attributions(who, method, whole, x, asked.target))
    layers = weighted_layers(whole)[::-1]
    absolute, signed, likeness, similarity = (np.zeros((draws, len(layers), len(x))) for _ in range(4))
    # Children of the seed: the seed itself may be the one that the caller's network began from.
    for s, child in enumerate(np.random.SeedSequence(seed).spawn(draws)):
        fresh = redrawn(whole, np.random.default_rng(child))
        for i in range(len(layers)):
            changed = layers[: i + 1] if mode == "cascading" else layers[i : i + 1]
            other = maps(attributions(who, method, randomized(whole, changed, fresh), x, asked.target))
            absolute[s, i] = spearman(rows(np.abs(own)), rows(np.abs(other)))
            signed[s, i] = spearman(rows(own), rows(other))
            negative = (rows(own) < 0).any(axis=1) | (rows(other) < 0).any(axis=1)
            likeness[s, i] = np.where(negative, np.abs(signed[s, i]), signed[s, i])
            if x.ndim == 4:
                similarity[s, i] = ssim(np.abs(own), np.abs(other))
    images = x.ndim == 4
    edges = spearman(rows(np.abs(own)), rows(edge_detector(whole, x))) if images else np.zeros(0)
    return Randomization(
        tuple(layers), mode, name_of(method), absolute, signed, likeness, similarity if images else np.zeros(0), edges
    )


def weighted_layers(network: AnyContainer) -> list[str]:
    """Return the paths of the layers that hold parameters, in the order of the pass."""
    return list(dict.fromkeys(key.rpartition(".")[0] for key in network.params))


def redrawn(network: AnyContainer, rng: np.random.Generator) -> AnyContainer:
    """Return a network of the same layers that has learnt nothing: its initialisers draw its parameters."""
    twin: Any = remade(network)
    twin.build(network.input_shape, rng, network.dtype)
    return twin  # type: ignore[no-any-return]


def randomized(network: AnyContainer, layers: list[str], fresh: AnyContainer) -> AnyContainer:
    """Return a copy of the network in which those layers hold the parameters and buffers of a fresh one."""
    twin = copy_network(network)
    pairs: list[tuple[Arrays, Arrays]] = [(twin.params, fresh.params), (twin.buffers, fresh.buffers)]
    for mine, new in pairs:
        for key in mine:
            if key.rpartition(".")[0] in layers:
                mine[key] = new[key]
    return twin


def forgets(result: Randomization, layers: int, name: str) -> Measure:
    """Return the check that after randomising so many layers a map is less like its own than an edge detector's is."""
    controls = {"edges": result.edges} if result.edges.size else {}
    settings = {"layers": layers, "mode": result.mode, "seeds": len(result.likeness)}
    return Measure(name, result.method, result.after(layers), "lower", controls, settings)
