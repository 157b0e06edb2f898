"""Pure functions on arrays: convolution, pooling, and the passes over memory that NumPy would make several times.

`reference` is the readable specification; `conv` and `pool` choose the fast versions and can say which they chose.
"""

from pellucid.kernels.conv import (
    Choice,
    bias_gradient,
    choose,
    conv2d,
    conv2d_backward,
    conv2d_input_gradient,
    conv2d_relu_max_pool,
    conv2d_weight_gradient,
    conv_transpose2d,
)
from pellucid.kernels.crew.threads import get_num_threads, set_num_threads
from pellucid.kernels.geometry import NO_PADDING, Padding, Pair, Window, transposed_size
from pellucid.kernels.pooling.plan import average_pool2d, average_pool2d_gradient, max_pool2d, max_pool2d_gradient

__all__ = [
    "NO_PADDING",
    "Choice",
    "Padding",
    "Pair",
    "Window",
    "average_pool2d",
    "average_pool2d_gradient",
    "bias_gradient",
    "choose",
    "conv2d",
    "conv2d_backward",
    "conv2d_input_gradient",
    "conv2d_relu_max_pool",
    "conv2d_weight_gradient",
    "conv_transpose2d",
    "get_num_threads",
    "max_pool2d",
    "max_pool2d_gradient",
    "set_num_threads",
    "transposed_size",
]
