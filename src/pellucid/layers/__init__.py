"""Layers: forward and backward, side by side. `base` states the contract that all of them keep."""

from pellucid.layers.activation import ELU as ELU
from pellucid.layers.activation import GELU as GELU
from pellucid.layers.activation import LeakyReLU as LeakyReLU
from pellucid.layers.activation import ReLU as ReLU
from pellucid.layers.activation import Sigmoid as Sigmoid
from pellucid.layers.activation import Softmax as Softmax
from pellucid.layers.activation import Softplus as Softplus
from pellucid.layers.activation import Tanh as Tanh
from pellucid.layers.affine import Affine as Affine
from pellucid.layers.base import LAYERS as LAYERS
from pellucid.layers.base import Layer as Layer
from pellucid.layers.base import Parameters as Parameters
from pellucid.layers.container import Container as Container
from pellucid.layers.container import Rule as Rule
from pellucid.layers.container import Rules as Rules
from pellucid.layers.dropout import Dropout as Dropout
from pellucid.layers.sequential import Sequential as Sequential
from pellucid.layers.sequential import Step as Step
from pellucid.layers.sequential import Tape as Tape
from pellucid.layers.shape import Flatten as Flatten
from pellucid.layers.shape import Reshape as Reshape
from pellucid.layers.spec import copy_network as copy_network
from pellucid.layers.spec import from_spec as from_spec
from pellucid.layers.spec import to_spec as to_spec
