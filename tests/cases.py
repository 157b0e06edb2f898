"""One line per layer and per loss: contract suite, gradient checks and mutation tests run over these.

Adding a layer means adding a line here. Options that take another road through the code (no bias, an odd
size) are cases of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from pellucid.layers import (
    ELU,
    GELU,
    SELU,
    Add,
    Affine,
    AveragePool2D,
    AveragePool3D,
    BatchNorm,
    Clip,
    Concat,
    Conv2D,
    ConvTranspose2D,
    ConvTranspose3D,
    DepthwiseConv2D,
    Divide,
    Dropout,
    Erf,
    Exp,
    Flatten,
    GlobalAveragePool2D,
    GlobalMaxPool2D,
    Graph,
    GroupNorm,
    HardSigmoid,
    HardSwish,
    InstanceNorm,
    Layer,
    LayerNorm,
    LeakyReLU,
    LocalResponseNorm,
    LogSoftmax,
    MatMul,
    MaxPool2D,
    MaxPool3D,
    Mean,
    Multiply,
    Pad,
    Power,
    PReLU,
    ReLU,
    Reshape,
    Residual,
    Resize2D,
    Scale,
    Sequential,
    Shift,
    Sigmoid,
    Slice,
    Softmax,
    Softplus,
    SpatialDropout2D,
    Subtract,
    Swish,
    Take,
    Tanh,
    Transpose,
    Upsample2D,
    ZeroPad2D,
)
from pellucid.losses import (
    CrossEntropy,
    Hinge,
    Huber,
    Loss,
    MeanSquaredError,
    Quadratic,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    SumOfSquares,
)
from pellucid.typing import Array, DTypeLike, Shape


class Case(NamedTuple):
    """A layer and the shape of one input sample."""

    id: str
    make: Callable[[], Layer[Any]]
    shape: Shape
    least: int = 1
    """The fewest samples that a training-mode forward takes."""

    def build(self, dtype: DTypeLike = np.float32, seed: int = 0) -> Layer[Any]:
        """Return a new layer with its parameters; biases and buffers hold numbers too."""
        layer = self.make()
        rng = np.random.default_rng(seed)
        layer.build(self.shape, rng, dtype)
        for store in (layer.params, layer.buffers):
            for key, array in store.items():
                store[key] = array + 0.1 * rng.uniform(0.5, 1.5, array.shape)
        return layer

    def batch(self, samples: int = 3, dtype: DTypeLike = np.float32, seed: int = 1) -> Array:
        """Return inputs that all differ, by far more than a gradient check's step: no maximum is a tie."""
        size = samples * int(np.prod(self.shape))
        values = np.random.default_rng(seed).permutation(np.linspace(-1.93, 2.07, size))
        return values.reshape(samples, *self.shape).astype(dtype)


CASES = [
    Case("affine", lambda: Affine(4), (5,)),
    Case("affine-without-bias", lambda: Affine(3, bias=False), (5,)),
    Case("affine-square", lambda: Affine(4, weight="xavier"), (4,)),
    Case("affine-one-unit", lambda: Affine(1), (3,)),
    Case("relu", ReLU, (6,)),
    Case("relu-image", ReLU, (3, 4, 2)),
    Case("leaky-relu", LeakyReLU, (6,)),
    Case("leaky-relu-steep", lambda: LeakyReLU(0.3), (2, 3)),
    Case("elu", ELU, (6,)),
    Case("elu-alpha", lambda: ELU(0.5), (6,)),
    Case("gelu", GELU, (6,)),
    Case("gelu-exact", lambda: GELU(approximate=False), (6,)),
    Case("selu", SELU, (6,)),
    Case("swish", Swish, (6,)),
    Case("clip", lambda: Clip(-0.5, 1.2), (6,)),
    Case("clip-above", lambda: Clip(high=1), (2, 3)),
    Case("hard-sigmoid", lambda: HardSigmoid(0.4, 0.6), (6,)),
    Case("hard-swish", HardSwish, (6,)),
    Case("exp", Exp, (6,)),
    Case("erf", Erf, (2, 3)),
    Case("power", lambda: Power(3), (6,)),
    Case("power-of-roots", lambda: Sequential([Softplus(), Power(0.5), Power(-1)]), (6,)),
    Case("prelu", PReLU, (2, 3, 2)),
    Case("prelu-of-one-slope", lambda: PReLU(1), (6,)),
    Case("scale", Scale, (2, 3, 2)),
    Case("scale-wider", lambda: Scale((2, 1, 3)), (4, 1)),
    Case("shift", Shift, (6,)),
    Case("shift-wider", lambda: Shift((4, 3)), (2, 1, 3)),
    Case("sigmoid", Sigmoid, (6,)),
    Case("sigmoid-image", Sigmoid, (3, 4, 2)),
    Case("tanh", Tanh, (6,)),
    Case("softplus", Softplus, (6,)),
    Case("softmax", Softmax, (5,)),
    Case("softmax-over-channels", Softmax, (2, 3, 4)),
    Case("softmax-over-rows", lambda: Softmax(0), (4, 3, 2)),
    Case("log-softmax", LogSoftmax, (5,)),
    Case("log-softmax-over-columns", lambda: LogSoftmax(-2), (2, 4, 3)),
    Case("dropout", lambda: Dropout(0.4), (6,)),
    Case("dropout-image", lambda: Dropout(0.25), (3, 4, 2)),
    Case("dropout-nothing", lambda: Dropout(0.0), (6,)),
    Case("flatten", Flatten, (3, 4, 2)),
    Case("flatten-vector", Flatten, (6,)),
    Case("reshape", lambda: Reshape((2, 6)), (3, 4)),
    Case("reshape-inferred", lambda: Reshape((3, -1, 2)), (12,)),
    Case("transpose", lambda: Transpose((1, 2, 0)), (2, 3, 4)),
    Case("transpose-of-two-axes", lambda: Transpose((-1, 0)), (3, 4)),
    Case("sequential", lambda: Sequential([Affine(5), Tanh(), Affine(3)]), (4,)),
    Case("sequential-empty", lambda: Sequential([]), (4,)),
    Case("sequential-without-parameters", lambda: Sequential([Tanh(), Flatten()]), (2, 3)),
    Case("sequential-dropout", lambda: Sequential([Dropout(0.2), Affine(6), ReLU(), Dropout(0.5)]), (5,)),
    Case(
        "sequential-nested",
        lambda: Sequential([Flatten(), Sequential([Affine(6), Softplus()], name="block"), Sequential([Affine(3)])]),
        (2, 3),
    ),
    # Images
    Case("conv", lambda: Conv2D(3, 2), (3, 4, 2)),
    Case("conv-same", lambda: Conv2D(2, 3, padding="same"), (4, 3, 1)),
    Case("conv-1x1-without-bias", lambda: Conv2D(3, 1, bias=False), (2, 3, 2)),
    Case("conv-strided", lambda: Conv2D(2, (3, 2), stride=(2, 1), padding=1), (5, 3, 2)),
    Case("conv-same-strided", lambda: Conv2D(2, 3, stride=2, padding="same"), (4, 5, 1)),
    Case("conv-lopsided-padding", lambda: Conv2D(2, 2, padding=((0, 2), (1, 0))), (3, 3, 1)),
    Case("conv-dilated", lambda: Conv2D(2, (2, 3), dilation=(2, 1)), (4, 4, 2)),
    Case("conv-groups", lambda: Conv2D(4, 2, groups=2), (3, 3, 4)),
    Case("depthwise", lambda: DepthwiseConv2D(2), (3, 3, 3)),
    Case("depthwise-multiplied", lambda: DepthwiseConv2D(2, 2, padding="same", bias=False), (3, 2, 2)),
    Case("conv-transpose", lambda: ConvTranspose2D(2, 2), (2, 3, 3)),
    Case("conv-transpose-strided", lambda: ConvTranspose2D(2, 3, stride=2, padding=1, output_padding=1), (2, 3, 1)),
    Case("conv-transpose-same", lambda: ConvTranspose2D(2, (3, 2), stride=(2, 3), padding="same"), (2, 2, 2)),
    Case("conv-transpose-groups", lambda: ConvTranspose2D(4, 2, groups=2, dilation=2, bias=False), (2, 2, 2)),
    Case("max-pool", MaxPool2D, (4, 4, 2)),
    Case("max-pool-overlapping", lambda: MaxPool2D(3, 2, 1), (4, 5, 2)),
    Case("max-pool-same", lambda: MaxPool2D((2, 3), (1, 2), "same"), (3, 4, 1)),
    Case("average-pool", AveragePool2D, (4, 4, 2)),
    Case("average-pool-padded", lambda: AveragePool2D(3, 2, 1), (4, 5, 1)),
    Case("average-pool-counting-padding", lambda: AveragePool2D(2, 1, "same", count_padding=True), (3, 3, 2)),
    Case("max-pool-dilated", lambda: MaxPool2D(2, 1, dilation=(2, 1)), (4, 3, 2)),
    Case("max-pool-rounded-up", lambda: MaxPool2D(3, 2, ceil=True), (4, 6, 1)),
    Case("average-pool-dilated", lambda: AveragePool2D(2, 1, 1, dilation=2), (3, 4, 1)),
    Case("average-pool-rounded-up", lambda: AveragePool2D(2, 2, ceil=True), (3, 4, 2)),
    Case("average-pool-counting-some", lambda: AveragePool2D(3, 2, 1, ceil=True, count_padding=True), (4, 5, 1)),
    Case("global-average-pool", GlobalAveragePool2D, (2, 2, 2)),
    Case("global-max-pool", GlobalMaxPool2D, (3, 4, 2)),
    Case("batch-norm", BatchNorm, (5,), least=2),
    Case("batch-norm-image", lambda: BatchNorm(momentum=0.7), (2, 3, 2)),
    Case("layer-norm", LayerNorm, (6,)),
    Case("layer-norm-image", lambda: LayerNorm(epsilon=1e-3), (2, 2, 5)),
    Case("layer-norm-of-samples", lambda: LayerNorm(0), (2, 3, 2)),
    Case("layer-norm-of-rows", lambda: LayerNorm(-2), (2, 3, 2)),
    Case("instance-norm", InstanceNorm, (2, 3, 2)),
    Case("local-response-norm", lambda: LocalResponseNorm(3, alpha=0.5), (2, 2, 5)),
    Case("local-response-norm-even", lambda: LocalResponseNorm(4, alpha=2, beta=0.5, bias=1.5), (2, 1, 6)),
    Case("local-response-norm-of-all", lambda: LocalResponseNorm(9, alpha=2), (4,)),
    Case("mean", lambda: Mean((0, 1)), (3, 2, 2)),
    Case("mean-of-rows", lambda: Mean(1), (3, 4, 2)),
    Case("mean-without-axes", lambda: Mean((0, -2), keepdims=False), (3, 2, 2)),
    Case("slice", lambda: Slice((1, -1), (9, 0), (2, -2), (0, 2)), (4, 2, 5)),
    Case("take", lambda: Take(((1, -1), (0, 1)), 1), (2, 3)),
    Case("take-one", lambda: Take(2, -1), (2, 3, 4)),
    Case("pad", lambda: Pad(((1, 2), (-1, 0), (0, 1))), (2, 3, 2)),
    Case("pad-of-ones", lambda: Pad(((0, 2),), value=1), (4,)),
    Case("pad-reflect", lambda: Pad(((1, 0), (0, 0), (2, -1)), "reflect"), (2, 2, 4)),
    Case("pad-edge", lambda: Pad(((1, 2), (0, 0), (0, 0)), "edge"), (2, 2, 2)),
    Case("pad-wrap", lambda: Pad(((1, 4),), "wrap"), (3,)),
    Case("matmul", lambda: MatMul((2, 4)), (3, 2, 2)),
    Case("matmul-of-vectors", lambda: MatMul((4, 3)), (4,)),
    Case("matmul-left", lambda: MatMul((2, 3), left=True), (2, 3, 2)),
    Case("matmul-left-of-vectors", lambda: MatMul((2, 4), left=True), (4,)),
    Case("matmul-of-several", lambda: MatMul((3, 2, 4)), (3, 2, 2)),
    Case("matmul-with-a-vector", lambda: MatMul(4), (4,)),
    Case("group-norm", lambda: GroupNorm(2), (2, 3, 4)),
    Case("group-norm-of-all", lambda: GroupNorm(1), (5,)),
    Case("spatial-dropout", lambda: SpatialDropout2D(0.4), (2, 3, 5)),
    Case("zero-pad", ZeroPad2D, (2, 3, 2)),
    Case("zero-pad-lopsided", lambda: ZeroPad2D(((1, 0), (0, 2))), (2, 3, 2)),
    Case("upsample", Upsample2D, (2, 3, 2)),
    Case("upsample-bilinear", lambda: Upsample2D((2, 3), mode="bilinear"), (2, 3, 2)),
    Case("resize", lambda: Resize2D((3, 2)), (2, 4, 2)),
    Case("resize-linear", lambda: Resize2D((3, 5), mode="linear", antialias=True), (4, 3, 1)),
    Case(
        "resize-cubic", lambda: Resize2D(3, mode="cubic", coordinates="align_corners", exclude_outside=True), (4, 5, 1)
    ),
    Case(
        "resize-crop",
        lambda: Resize2D(
            3, mode="linear", coordinates="tf_crop_and_resize", extrapolation=2, crop=((0.25, 1.5), (0, 0.5))
        ),
        (3, 4, 2),
    ),
    Case("max-pool-3d", lambda: MaxPool3D(2, 1), (2, 3, 2, 2)),
    Case("max-pool-3d-rounded-up", lambda: MaxPool3D(2, 2, (1, 0, 0), ceil=True), (2, 3, 3, 1)),
    Case("average-pool-3d", lambda: AveragePool3D(2, 2, 1, ceil=True, count_padding=True), (2, 3, 2, 1)),
    Case("average-pool-3d-dilated", lambda: AveragePool3D(2, 1, 1, dilation=(1, 2, 1)), (2, 3, 2, 1)),
    Case(
        "conv-transpose-3d",
        lambda: ConvTranspose3D(2, (1, 2, 2), stride=2, padding=((0, 0), (1, 0), (0, 1))),
        (2, 2, 2, 1),
    ),
    Case(
        "conv-transpose-3d-groups",
        lambda: ConvTranspose3D(2, 2, groups=2, dilation=2, output_padding=1, stride=2, bias=False),
        (1, 2, 1, 2),
    ),
    Case("residual", lambda: Residual([Conv2D(2, 3, padding="same"), Tanh()]), (3, 3, 2)),
    Case(
        "residual-projection",
        lambda: Residual([Affine(4), BatchNorm(), Dropout(0.2), Affine(3)], shortcut=Affine(3, bias=False)),
        (5,),
        least=2,
    ),
    Case("graph", lambda: Graph({"hidden": (Affine(4), "input"), "sum": (Add(), ["hidden", "input"])}), (4,)),
    Case(
        "graph-with-branches",
        lambda: Graph(
            {
                "stem": (Conv2D(2, 2), "input"),
                "left": (Tanh(), "stem"),
                "right": (Sequential([Conv2D(3, 1), Softplus()]), "stem"),
                "both": (Concat(), ["left", "right", "stem"]),
                "drop": (SpatialDropout2D(0.3), "both"),
                "twice": (Add(), ["drop", "drop", "both"]),
                "pool": (GlobalAveragePool2D(), "twice"),
            }
        ),
        (3, 3, 1),
    ),
    Case(
        "graph-of-products",
        lambda: Graph(
            {
                "gate": (Sequential([GlobalAveragePool2D(), Affine(2), Sigmoid(), Reshape((1, 1, -1))]), "input"),
                "gated": (Multiply(), ["input", "gate"]),
                "row": (Conv2D(2, (3, 1)), "input"),
                "less": (Subtract(), ["gated", "row"]),
                "wide": (Softplus(), "less"),
                "share": (Divide(), ["row", "wide"]),
                "cube": (Multiply(), ["share", "gate", "wide"]),
                "below": (Concat(0), ["cube", "row"]),
                "beside": (Concat(1), ["below", "below"]),
                "all": (Add(), ["beside", "gate"]),
            }
        ),
        (3, 2, 2),
    ),
    Case("graph-of-nothing", lambda: Graph({}), (3,)),
]


class LossCase(NamedTuple):
    """A loss, and what kind of outputs and targets it takes."""

    id: str
    make: Callable[[], Loss]
    outputs: str
    """"scores" (any numbers) or "probabilities" (between 0 and 1)."""
    targets: str
    """"classes" (indices), "one-hot", "shares" (between 0 and 1) or "numbers"."""

    def sample(self, samples: int = 4, outputs: int = 3, seed: int = 0) -> tuple[Array, Array]:
        """Return outputs y (N, K) in float64 and targets."""
        rng = np.random.default_rng(seed)
        y = rng.standard_normal((samples, outputs))
        classes = rng.permutation(np.arange(samples) % outputs)
        targets = {
            "classes": classes,
            "one-hot": np.eye(outputs)[classes],
            "shares": rng.random((samples, outputs)),
            "numbers": 2 * rng.standard_normal((samples, outputs)),
        }
        return (1 / (1 + np.exp(-y)) if self.outputs == "probabilities" else y), targets[self.targets]


LOSS_CASES = [
    LossCase("softmax-cross-entropy", SoftmaxCrossEntropy, "scores", "classes"),
    LossCase("softmax-one-hot", SoftmaxCrossEntropy, "scores", "one-hot"),
    LossCase("softmax-smoothed", lambda: SoftmaxCrossEntropy(label_smoothing=0.2), "scores", "classes"),
    LossCase("softmax-weighted", lambda: SoftmaxCrossEntropy(class_weights=[1, 5, 2]), "scores", "classes"),
    LossCase(
        "softmax-smoothed-weighted",
        lambda: SoftmaxCrossEntropy(label_smoothing=0.1, class_weights=[3, 1, 2]),
        "scores",
        "one-hot",
    ),
    LossCase("sigmoid-cross-entropy", SigmoidCrossEntropy, "scores", "classes"),
    LossCase("sigmoid-shares", SigmoidCrossEntropy, "scores", "shares"),
    LossCase("cross-entropy", CrossEntropy, "probabilities", "classes"),
    LossCase("cross-entropy-shares", CrossEntropy, "probabilities", "shares"),
    LossCase("quadratic", Quadratic, "scores", "numbers"),
    LossCase("quadratic-classes", Quadratic, "probabilities", "classes"),
    LossCase("sum-of-squares", SumOfSquares, "scores", "numbers"),
    LossCase("mean-squared-error", MeanSquaredError, "scores", "numbers"),
    LossCase("huber", Huber, "scores", "numbers"),
    LossCase("huber-narrow", lambda: Huber(0.3), "scores", "numbers"),
    LossCase("hinge", Hinge, "scores", "classes"),
    LossCase("hinge-margin", lambda: Hinge(0.4), "scores", "one-hot"),
]
