"""Pellucid: neural networks from scratch, clear enough to see through.

    import pellucid as pl

    train, test = pl.mnist()
    network = pl.Sequential([pl.Affine(50), pl.ReLU(), pl.Affine(10)])
    history = pl.fit(network, train, epochs=5, validation=test)

Importing it loads NumPy and nothing else that is large: Matplotlib, Numba and pandas load where they are used.
"""

import importlib
from typing import TYPE_CHECKING, Any

from pellucid import data as data
from pellucid import errors as errors
from pellucid import initializers as initializers
from pellucid import losses as losses
from pellucid import optimizers as optimizers
from pellucid import schedules as schedules
from pellucid.data import Dataset as Dataset
from pellucid.data import from_dataframe as from_dataframe
from pellucid.data import load_csv as load_csv
from pellucid.data import load_directory as load_directory
from pellucid.data import load_mnist as load_mnist
from pellucid.data import mnist as mnist
from pellucid.data import read_idx as read_idx
from pellucid.data import write_idx as write_idx
from pellucid.errors import PellucidError as PellucidError
from pellucid.functions import cross_entropy_error as cross_entropy_error
from pellucid.functions import mean_squared_error as mean_squared_error
from pellucid.functions import one_hot as one_hot
from pellucid.functions import sigmoid as sigmoid
from pellucid.functions import softmax as softmax
from pellucid.gradcheck import GradientReport as GradientReport
from pellucid.gradcheck import check_gradients as check_gradients
from pellucid.interop import load as load
from pellucid.interop import load_book_params as load_book_params
from pellucid.interop import load_into as load_into
from pellucid.interop import load_keras as load_keras
from pellucid.interop import load_model as load_model
from pellucid.interop import load_nielsen as load_nielsen
from pellucid.interop import load_onnx as load_onnx
from pellucid.interop import load_torch as load_torch
from pellucid.interop import read_metadata as read_metadata
from pellucid.interop import save as save
from pellucid.interop import save_book_params as save_book_params
from pellucid.interop import save_keras as save_keras
from pellucid.interop import save_nielsen as save_nielsen
from pellucid.interop import save_onnx as save_onnx
from pellucid.interop import save_torch as save_torch
from pellucid.kernels import get_num_threads as get_num_threads
from pellucid.kernels import set_num_threads as set_num_threads
from pellucid.layers import ELU as ELU
from pellucid.layers import GELU as GELU
from pellucid.layers import SELU as SELU
from pellucid.layers import Add as Add
from pellucid.layers import Affine as Affine
from pellucid.layers import AveragePool2D as AveragePool2D
from pellucid.layers import AveragePool3D as AveragePool3D
from pellucid.layers import BatchNorm as BatchNorm
from pellucid.layers import Clip as Clip
from pellucid.layers import Concat as Concat
from pellucid.layers import Container as Container
from pellucid.layers import Conv2D as Conv2D
from pellucid.layers import ConvTranspose2D as ConvTranspose2D
from pellucid.layers import ConvTranspose3D as ConvTranspose3D
from pellucid.layers import DepthwiseConv2D as DepthwiseConv2D
from pellucid.layers import Divide as Divide
from pellucid.layers import Dropout as Dropout
from pellucid.layers import Erf as Erf
from pellucid.layers import Exp as Exp
from pellucid.layers import Flatten as Flatten
from pellucid.layers import GlobalAveragePool2D as GlobalAveragePool2D
from pellucid.layers import GlobalMaxPool2D as GlobalMaxPool2D
from pellucid.layers import Graph as Graph
from pellucid.layers import GroupNorm as GroupNorm
from pellucid.layers import HardSigmoid as HardSigmoid
from pellucid.layers import HardSwish as HardSwish
from pellucid.layers import InstanceNorm as InstanceNorm
from pellucid.layers import Layer as Layer
from pellucid.layers import LayerNorm as LayerNorm
from pellucid.layers import LeakyReLU as LeakyReLU
from pellucid.layers import LocalResponseNorm as LocalResponseNorm
from pellucid.layers import LogSoftmax as LogSoftmax
from pellucid.layers import MatMul as MatMul
from pellucid.layers import MaxPool2D as MaxPool2D
from pellucid.layers import MaxPool3D as MaxPool3D
from pellucid.layers import Mean as Mean
from pellucid.layers import Merge as Merge
from pellucid.layers import Multiply as Multiply
from pellucid.layers import Pad as Pad
from pellucid.layers import Power as Power
from pellucid.layers import PReLU as PReLU
from pellucid.layers import ReLU as ReLU
from pellucid.layers import Reshape as Reshape
from pellucid.layers import Residual as Residual
from pellucid.layers import Resize2D as Resize2D
from pellucid.layers import Scale as Scale
from pellucid.layers import Sequential as Sequential
from pellucid.layers import Shift as Shift
from pellucid.layers import Sigmoid as Sigmoid
from pellucid.layers import Slice as Slice
from pellucid.layers import Softmax as Softmax
from pellucid.layers import Softplus as Softplus
from pellucid.layers import SpatialDropout2D as SpatialDropout2D
from pellucid.layers import Subtract as Subtract
from pellucid.layers import Swish as Swish
from pellucid.layers import Take as Take
from pellucid.layers import Tanh as Tanh
from pellucid.layers import Transpose as Transpose
from pellucid.layers import Upsample2D as Upsample2D
from pellucid.layers import ZeroPad2D as ZeroPad2D
from pellucid.layers import copy_network as copy_network
from pellucid.layers import explain_kernels as explain_kernels
from pellucid.losses import CrossEntropy as CrossEntropy
from pellucid.losses import Hinge as Hinge
from pellucid.losses import Huber as Huber
from pellucid.losses import MeanSquaredError as MeanSquaredError
from pellucid.losses import Quadratic as Quadratic
from pellucid.losses import SigmoidCrossEntropy as SigmoidCrossEntropy
from pellucid.losses import SoftmaxCrossEntropy as SoftmaxCrossEntropy
from pellucid.losses import SumOfSquares as SumOfSquares
from pellucid.models import TRUTH_TABLE as TRUTH_TABLE
from pellucid.models import Network as Network
from pellucid.models import SimpleCNN as SimpleCNN
from pellucid.models import TruthTableNet as TruthTableNet
from pellucid.models import TwoLayerNet as TwoLayerNet
from pellucid.numerical import numerical_gradient as numerical_gradient
from pellucid.optimizers import SGD as SGD
from pellucid.optimizers import AdaDelta as AdaDelta
from pellucid.optimizers import AdaGrad as AdaGrad
from pellucid.optimizers import Adam as Adam
from pellucid.optimizers import AdamW as AdamW
from pellucid.optimizers import Lion as Lion
from pellucid.optimizers import Momentum as Momentum
from pellucid.optimizers import Nesterov as Nesterov
from pellucid.optimizers import RMSProp as RMSProp
from pellucid.training import Callback as Callback
from pellucid.training import EarlyStopping as EarlyStopping
from pellucid.training import Evaluation as Evaluation
from pellucid.training import History as History
from pellucid.training import evaluate as evaluate
from pellucid.training import fit as fit
from pellucid.training import predict as predict
from pellucid.training import predict_classes as predict_classes
from pellucid.training import predict_proba as predict_proba

if TYPE_CHECKING:
    from pellucid import explain as explain
    from pellucid import plots as plots
    from pellucid import sklearn as sklearn
    from pellucid import views as views
    from pellucid.views.summary import Summary as Summary
    from pellucid.views.summary import summary as summary

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Load the rooms that look at networks when they are first named; training needs none of them."""
    if name in ("explain", "plots", "sklearn", "views"):
        return importlib.import_module(f"pellucid.{name}")
    if name in ("Summary", "summary"):
        return getattr(importlib.import_module("pellucid.views"), name)
    raise AttributeError(f"module 'pellucid' has no attribute {name!r}")
