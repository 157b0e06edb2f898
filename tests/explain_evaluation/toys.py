"""Networks whose right explanation is known."""

from __future__ import annotations

import numpy as np

import pellucid as pl


def linear(weights, bias=0.0):
    """S = Σ w x + b, with one output."""
    weights = np.asarray(weights, float)
    network = pl.Sequential([pl.Affine(1)], input_shape=len(weights), dtype=np.float64)
    network.params["affine1.W"] = weights[:, None]
    network.params["affine1.b"] = np.array([bias])
    return network


def constant(score, places):
    """A network of two classes that gives class 0 the score and class 1 nothing, whatever it sees."""
    network = pl.Sequential([pl.Affine(2)], input_shape=places, dtype=np.float64)
    network.params["affine1.W"] = np.zeros((places, 2))
    network.params["affine1.b"] = np.array([score, 0.0])
    return network


def all_needed(places):
    """p(class 0) is 1 where every input is 1, and 0 as soon as one is missing."""
    network = pl.Sequential([pl.Affine(2)], input_shape=places, dtype=np.float64)
    network.params["affine1.W"] = np.stack([np.full(places, 2000.0), np.zeros(places)], axis=1)
    network.params["affine1.b"] = np.array([-2000.0 * (places - 0.5), 0.0])
    return network


def small_cnn(seed=0):
    layers = [pl.Conv2D(4, 3), pl.ReLU(), pl.MaxPool2D(2), pl.Flatten(), pl.Affine(8), pl.ReLU(), pl.Affine(3)]
    return pl.Sequential(layers, input_shape=(12, 12, 1), seed=seed)


def says(values):
    """A method that gives the same values whatever it is asked."""
    return lambda network, x, target: np.broadcast_to(values, x.shape)
