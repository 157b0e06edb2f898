"""Models that Keras makes, saves and runs: `python keras_models.py keras FOLDER`, or `tf_keras`.

Every model is saved as name.keras or name.h5, in turn, and those of several layers as both, beside name.npz with an
input x and the output y that Keras gives. Then every ours-*.keras that lies there is opened, and what it makes of the x
in its .npz is written to ours-*.npy. It runs in a process of its own, so that the tests never load TensorFlow.

The files in keras_files/ are of this script: Keras 3.15 wrote those that begin with keras, tf_keras 2.21 the others.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

IMAGE, ROWS, VECTOR = (7, 6, 4), (9, 4), (5,)


def single_layers(L: Any, newer: bool) -> Iterator[tuple[str, tuple[int, ...], list[Any]]]:
    """Yield a name, the shape of a sample and layers in a row, for every layer and option that is read."""
    for name in (
        "relu",
        "elu",
        "selu",
        "gelu",
        "swish",
        "sigmoid",
        "hard_sigmoid",
        "tanh",
        "softplus",
        "softmax",
        "exponential",
        "linear",
    ):
        yield name, VECTOR, [L.Dense(4, activation=name)]
    for name in ("relu6", "leaky_relu", "silu", "hard_silu", "log_softmax") if newer else ():
        yield name, VECTOR, [L.Dense(4, activation=name)]
    yield "activation", IMAGE, [L.Activation("tanh")]
    yield "relu_layer", IMAGE, [L.ReLU()]
    yield "relu_leaky", IMAGE, [L.ReLU(None, 0.3)]
    yield "relu_six", IMAGE, [L.ReLU(1.5)]
    yield "relu_both", IMAGE, [L.ReLU(1.5, 0.1)]
    yield "leaky_layer", IMAGE, [L.LeakyReLU(0.25)]
    yield "leaky_default", IMAGE, [L.LeakyReLU()]
    yield "elu_layer", IMAGE, [L.ELU(0.7)]
    yield "prelu", IMAGE, [L.PReLU()]
    yield "prelu_shared", IMAGE, [L.PReLU(shared_axes=[1, 2])]
    yield "softmax_layer", IMAGE, [L.Softmax()]
    yield "softmax_axis", IMAGE, [L.Softmax(axis=1)]
    if newer:
        yield "given_layer", VECTOR, [L.Dense(4, activation=L.LeakyReLU(0.4))]
    yield "dense", VECTOR, [L.Dense(3), L.Dense(2, use_bias=False)]
    yield "dense_rows", ROWS, [L.Dense(3, activation="relu")]
    yield "dense_image", IMAGE, [L.Dense(3)]
    yield "conv", IMAGE, [L.Conv2D(6, 3, strides=2, padding="same", activation="relu")]
    yield "conv_odd", IMAGE, [L.Conv2D(4, (2, 3), dilation_rate=2, use_bias=False)]
    yield "conv_groups", IMAGE, [L.Conv2D(6, 3, groups=2)]
    yield "depthwise", IMAGE, [L.DepthwiseConv2D(3, depth_multiplier=2, strides=2, padding="same")]
    yield "separable", IMAGE, [L.SeparableConv2D(5, 3, depth_multiplier=2, padding="same", activation="elu")]
    for i, (padding, stride, size) in enumerate((("valid", 2, 3), ("valid", 3, 2), ("same", 2, 3), ("same", 3, 2))):
        yield f"transposed{i}", IMAGE, [L.Conv2DTranspose(3, size, strides=stride, padding=padding)]
    yield "transposed_more", IMAGE, [L.Conv2DTranspose(3, 3, strides=2, padding="same", output_padding=1)]
    yield "transposed_less", IMAGE, [L.Conv2DTranspose(3, 3, strides=2, padding="same", output_padding=(0, 1))]
    yield "conv_rows", ROWS, [L.Conv1D(3, 3, strides=2, padding="same", activation="relu")]
    yield "causal", ROWS, [L.Conv1D(3, 3, padding="causal", dilation_rate=2)]
    yield "depthwise_rows", ROWS, [L.DepthwiseConv1D(3)]
    yield "separable_rows", ROWS, [L.SeparableConv1D(3, 3)]
    yield "transposed_rows", ROWS, [L.Conv1DTranspose(3, 3, strides=2)]
    for padding in ("valid", "same"):
        yield f"max_{padding}", IMAGE, [L.MaxPooling2D((3, 2), strides=(2, 3), padding=padding)]
        yield f"average_{padding}", IMAGE, [L.AveragePooling2D((3, 2), strides=2, padding=padding)]
        yield f"max_rows_{padding}", ROWS, [L.MaxPooling1D(2, padding=padding)]
        yield f"average_rows_{padding}", ROWS, [L.AveragePooling1D(2, padding=padding)]
    yield "global_average", IMAGE, [L.GlobalAveragePooling2D()]
    yield "global_max", IMAGE, [L.GlobalMaxPooling2D(keepdims=True)]
    yield "global_rows", ROWS, [L.GlobalAveragePooling1D(keepdims=True), L.GlobalMaxPooling1D()]
    yield "batch_norm", IMAGE, [L.BatchNormalization()]
    yield "batch_norm_bare", IMAGE, [L.BatchNormalization(scale=False, center=False)]
    yield "batch_norm_rows", ROWS, [L.BatchNormalization(axis=1)]
    yield "batch_norm_vector", VECTOR, [L.BatchNormalization(scale=False)]
    yield "layer_norm", IMAGE, [L.LayerNormalization()]
    yield "layer_norm_all", IMAGE, [L.LayerNormalization(axis=[1, 2, 3], center=False)]
    yield "layer_norm_bare", IMAGE, [L.LayerNormalization(center=False, scale=False)]
    yield "group_norm", IMAGE, [L.GroupNormalization(2)]
    yield "instance_norm", IMAGE, [L.GroupNormalization(-1, scale=False)]
    yield "rescaling", IMAGE, [L.Rescaling(1 / 127.5, offset=-1.0)]
    yield "normalization", IMAGE, [L.Normalization(mean=[1.0, 2.0, 3.0, 4.0], variance=[1.0, 4.0, 0.0, 2.0])]
    yield "adapted", IMAGE, [adapted(L.Normalization())]
    yield "flatten", IMAGE, [L.Flatten()]
    yield "reshape", IMAGE, [L.Reshape((4, -1))]
    yield "permute", IMAGE, [L.Permute((3, 1, 2))]
    yield "repeat", VECTOR, [L.RepeatVector(3)]
    yield "zero_padding", IMAGE, [L.ZeroPadding2D(((1, 2), (0, 3)))]
    yield "cropping", IMAGE, [L.Cropping2D(((1, 2), (0, 3)))]
    yield "centre", IMAGE, [L.CenterCrop(4, 3)]
    yield "padding_rows", ROWS, [L.ZeroPadding1D((1, 2)), L.Cropping1D(1), L.UpSampling1D(2)]
    yield "up", IMAGE, [L.UpSampling2D((2, 3))]
    yield "up_bilinear", IMAGE, [L.UpSampling2D(2, interpolation="bilinear")]
    yield "resizing", IMAGE, [L.Resizing(10, 3)]
    yield "resizing_nearest", IMAGE, [L.Resizing(10, 3, interpolation="nearest")]
    yield "idle", IMAGE, [L.RandomFlip(), L.RandomRotation(0.1), L.GaussianNoise(0.1), L.SpatialDropout2D(0.2)]
    yield "idle_rows", ROWS, [L.SpatialDropout1D(0.2), L.Dropout(0.5), L.GaussianDropout(0.1)]


def adapted(layer: Any) -> Any:
    layer.adapt(np.random.default_rng(0).normal(3, 2, (20, *IMAGE)).astype(np.float32))
    return layer


def mnist_cnn(keras: Any) -> Any:
    """M4: the convolutional network of the book for MNIST."""
    L = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            L.Conv2D(30, 5, activation="relu"),
            L.MaxPooling2D(2),
            L.Flatten(),
            L.Dense(100, activation="relu"),
            L.Dropout(0.5),
            L.Dense(10, activation="softmax"),
        ]
    )


def two_branches(keras: Any) -> Any:
    """Branches that meet in every kind of merge."""
    L = keras.layers
    x = keras.Input((8, 8, 3), name="picture")
    a = L.Conv2D(4, 3, padding="same", activation="relu", name="left")(x)
    b = L.Conv2D(4, 5, padding="same", use_bias=False, name="right")(x)
    b = L.BatchNormalization(name="right_norm")(b)
    total, product = L.Add()([a, b]), L.Multiply()([a, b])
    difference, mean = L.Subtract()([a, b]), L.Average()([a, b, total])
    merged = L.Concatenate(name="both")([total, product, difference, mean])
    merged = L.Concatenate(axis=1)([merged, merged])
    return keras.Model(x, L.Dense(3, activation="softmax", name="out")(L.GlobalAveragePooling2D()(merged)))


def separable(keras: Any) -> Any:
    """Depthwise and separable convolutions, as MobileNet and Xception stack them."""
    L = keras.layers
    return keras.Sequential(
        [
            keras.Input((12, 12, 3)),
            L.Rescaling(1 / 255.0),
            L.Conv2D(4, 3, strides=2, padding="same", use_bias=False),
            L.BatchNormalization(),
            L.ReLU(6.0),
            L.SeparableConv2D(8, 3, padding="same", activation="relu"),
            L.DepthwiseConv2D(3, strides=2, padding="same"),
            L.BatchNormalization(scale=False),
            L.Activation("relu"),
            L.GlobalAveragePooling2D(),
            L.Dense(5, activation="softmax"),
        ]
    )


def nested(keras: Any) -> Any:
    """A frozen body with models in it, a head, and a layer that stands at two places."""
    L = keras.layers
    body = keras.Sequential([keras.Input((8, 8, 2)), L.Conv2D(3, 3, name="conv"), L.BatchNormalization()], name="stem")
    inner = keras.Input((8, 8, 2))
    y = L.BatchNormalization(name="norm")(body(inner))
    twice = L.Conv2D(3, 3, padding="same", name="twice")
    y = L.Add()([twice(y), L.ReLU()(twice(L.Activation("tanh")(y)))])
    model = keras.Model(inner, y, name="body")
    model.get_layer("norm").trainable = False
    x = keras.Input((8, 8, 2))
    z = model(x, training=False)
    return keras.Model(x, L.Dense(2)(L.Flatten()(L.Dropout(0.1)(z))))


def frozen(keras: Any) -> Any:
    """A model within a model that is not trained at all."""
    model = nested(keras)
    model.get_layer("body").trainable = False
    return model


def operators(keras: Any) -> Any:
    """What x + 3 and the like become; Keras 2 keeps code in its place."""
    x = keras.Input((4, 5, 2))
    y = keras.layers.ReLU(6.0)(x + 3.0) * (1 / 6)
    return keras.Model(x, 1.0 - (x * y - 0.5) + (x - y))


MODELS: dict[str, Callable[[Any], Any]] = {
    "mnist_cnn": mnist_cnn,
    "two_branches": two_branches,
    "separable_cnn": separable,
    "nested": nested,
    "frozen": frozen,
}


def every_model(keras: Any) -> Iterator[tuple[str, Any]]:
    newer = keras.__name__ == "keras"
    for name, shape, layers in single_layers(keras.layers, newer):
        yield name, keras.Sequential([keras.Input(shape), *layers])
    for name, make in MODELS.items():
        yield name, make(keras)
    if newer:
        yield "operators", operators(keras)


def draw_weights(model: Any, rng: np.random.Generator) -> None:
    """Give every variable numbers that tell it apart; a variance is above zero."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            draw_weights(layer, rng)
        elif type(layer).__name__ not in ("Normalization", "InputLayer"):
            own = [rng.normal(0, 0.4, np.shape(w)).astype(np.float32) for w in layer.get_weights()]
            if type(layer).__name__ == "BatchNormalization":
                own[-1] = np.abs(own[-1]) + 0.5
            layer.set_weights(own)


def main(package: str, folder: Path) -> None:
    os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", TF_ENABLE_ONEDNN_OPTS="0")
    if package == "keras":
        os.environ["KERAS_BACKEND"] = "tensorflow"
        import keras
    else:
        import tf_keras as keras
    for number, (name, model) in enumerate(every_model(keras)):
        rng = np.random.default_rng(number)
        draw_weights(model, rng)
        x = rng.normal(0, 2, (3, *model.input_shape[1:])).astype(np.float32)
        np.savez(folder / f"{name}.npz", x=x, y=np.asarray(model(x, training=False)))
        both = (".keras", ".h5")
        for suffix in both if name in MODELS else both[number % 2 :: 2]:
            model.save(folder / f"{name}{suffix}")
    for path in folder.glob("ours-*.keras"):
        model = keras.models.load_model(path)
        np.save(path.with_suffix(".npy"), np.asarray(model(np.load(path.with_suffix(".npz"))["x"], training=False)))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
