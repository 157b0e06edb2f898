"""Named recipes: a model with the settings that train it, and the figure that was published for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid import checks
from pellucid.checked import checked, checked_late
from pellucid.data import Dataset, RandomShift
from pellucid.losses import LossLike
from pellucid.models.book_convnets import deep_conv_net, simple_conv_net
from pellucid.models.lenet import lenet5
from pellucid.models.mnist_cnn import mnist_cnn
from pellucid.models.network import Network
from pellucid.models.resnet import small_resnet
from pellucid.models.simple_cnn import SimpleCNN
from pellucid.models.sprint_net import sprint_net
from pellucid.models.two_layer_net import TwoLayerNet
from pellucid.optimizers import Optimizer, as_optimizer
from pellucid.schedules import Cosine, OneCycle, Rate
from pellucid.training import Callback, History, fit
from pellucid.training.run import WORTH_COMPILING
from pellucid.typing import Shape


@checked_late
@dataclass(frozen=True)
class Recipe:
    """How one model is made and trained.

    Attributes
    ----------
    name, title : str
    make : callable
        (seed, shape of a sample, classes) → model: a network, or an object that holds one in `.network`.
    published : str
        The figure that its tutorial gives, in its words.
    epochs, iterations : int, optional
        How long it trains; one of the two.
    optimizer, learning_rate, weight_decay
        `weight_decay` is the book's λ, divided by the number of training samples.
    flat : bool
        Whether samples are vectors (N, D) rather than images (N, H, W, C).
    hold_out : float
        The share of the training samples, the last ones, that is held out for validation, as Nielsen does. Where
        those lack a class (sorted data), they are drawn at random, every class in proportion.
    watch : {"test", "validation", "nothing"}
        What is measured while it trains: the test images, as the tutorials do, the held-out ones, or nothing.
    optimizer_options, options : pairs of names and values
        Further arguments of the optimiser and of `fit`.

    Examples
    --------
    >>> recipe = pl.models.recipe("mnist-cnn")
    >>> recipe.epochs, recipe.batch_size, recipe.watch
    (12, 128, 'nothing')
    >>> recipe.for_mnist(seed=0).output_shape
    (10,)
    """

    name: str
    title: str
    make: Callable[[int, Shape, int], Any]
    published: str
    epochs: int | None = None
    iterations: int | None = None
    batch_size: int = 100
    optimizer: str = "sgd"
    learning_rate: float = 0.1
    weight_decay: float = 0.0
    schedule: Callable[[float, int], Rate] | None = None
    loss: LossLike = "SoftmaxCrossEntropy"
    flat: bool = True
    hold_out: float = 0.0
    watch: str = "test"
    optimizer_options: tuple[tuple[str, Any], ...] = ()
    options: tuple[tuple[str, Any], ...] = ()

    @checked
    def train(
        self, train: Dataset, test: Dataset, *, seed: int = 0, callbacks: Sequence[Callback] = (),
        epochs: int | None = None, iterations: int | None = None, batch_size: int | None = None,
        learning_rate: float | None = None, progress: bool | str = False,
    ) -> tuple[Any, History]:  # fmt: skip
        """Make the model from the seed and train it; arguments take the place of the recipe's."""
        if epochs is None and iterations is None:
            epochs, iterations = self.epochs, self.iterations
        watched = None if self.watch == "nothing" else test
        if self.hold_out:
            held_out, train = _last(train, self.hold_out, seed)
            watched = held_out if self.watch == "validation" else watched
        batch_size = min(self.batch_size, len(train)) if batch_size is None else batch_size
        model = self.make(seed, train.sample_shape, train.classes or 1)
        total = iterations if iterations is not None else (epochs or 1) * -(-len(train) // batch_size)
        history = fit(
            model, train, epochs=epochs, iterations=iterations, batch_size=batch_size,
            optimizer=self.make_optimizer(learning_rate, total, len(train)), loss=self.loss, validation=watched,
            seed=seed, callbacks=callbacks, progress=progress, **dict(self.options),
        )  # fmt: skip
        return model, history

    @checked
    def warm_up(self) -> None:
        """Train a little on random images of MNIST's shape, so that the compiled kernels are loaded (or compiled)."""
        rng = np.random.default_rng(0)
        x = rng.random((4, 784) if self.flat else (4, 28, 28, 1), np.float32)
        fit(
            self.for_mnist(),
            Dataset(x, np.arange(4)),
            iterations=WORTH_COMPILING if self.flat else 1,
            batch_size=4,
            optimizer=self.make_optimizer(1e-6, 1, 4),
            loss=self.loss,
            train_sample=0,
            progress=False,
        )

    @checked
    def for_mnist(self, seed: int = 0) -> Any:
        """Return the model as MNIST needs it, untrained."""
        return self.make(seed, (784,) if self.flat else (28, 28, 1), 10)

    @checked
    def make_optimizer(self, learning_rate: float | None, iterations: int, samples: int) -> Optimizer:
        """Return a fresh optimiser for a run of that many iterations over that many samples."""
        rate = self.learning_rate if learning_rate is None else learning_rate
        checks.expect_positive("train", "learning_rate", rate)
        planned = self.schedule(rate, iterations) if self.schedule else rate
        optimizer = as_optimizer(self.optimizer, planned, **dict(self.optimizer_options))
        optimizer.weight_decay = self.weight_decay / checks.size("train", "samples", samples)
        return optimizer


def _last(data: Dataset, share: float, seed: int) -> tuple[Dataset, Dataset]:
    """Return (held out, rest)."""
    first = len(data) - round(share * len(data))
    held_out, rest = data[first:], data[:first]
    if data.classes and (held_out.class_counts() == 0).any():
        return data.split(share, seed)
    return held_out, rest


def _one_cycle(learning_rate: float, iterations: int) -> OneCycle:
    """From η / 25 up to η after 30 % of the iterations, and down to η / 10⁴, which is reached just behind the last."""
    rates = iterations + 1
    return OneCycle(learning_rate, rates, warm_up=(0.3 * iterations + 1) / rates, end_divisor=400)


RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            "two-layer-net", "The book's two-layer network 784-50-10",
            lambda seed, shape, classes: TwoLayerNet(shape[0], 50, classes, seed=seed),
            published="0.9785 train, 0.9687 test after 9,600 iterations, 91.3 s",
            iterations=10_000,
            options=(
                ("sampling", "replacement"), ("evaluate_every", 600), ("first_evaluation", 1), ("train_sample", None),
            ),
        ),
        Recipe(
            "network", "Nielsen's network [784, 30, 10]: sigmoid, quadratic cost",
            lambda seed, shape, classes: Network([shape[0], 30, classes], seed=seed),
            published="0.9542 test at best of 3 runs",
            epochs=30, batch_size=10, learning_rate=3.0, loss="Quadratic", hold_out=1 / 6,
            options=(("train_sample", 0),),
        ),
        Recipe(
            "network2", "Nielsen's improved network [784, 100, 10]: cross-entropy, λ 5, scaled weights",
            lambda seed, shape, classes: Network(
                [shape[0], 100, classes], cost="cross-entropy", weights="scaled", seed=seed
            ),
            published="0.9804 on the validation images",
            epochs=60, batch_size=10, learning_rate=0.1, weight_decay=5.0, loss="CrossEntropy",
            hold_out=1 / 6, watch="validation", options=(("train_sample", 0),),
        ),
        Recipe(
            "simple-cnn", "One convolution of ten 5x5 filters, tanh, pooling, a hidden layer of 128",
            lambda seed, shape, classes: SimpleCNN(input_shape=shape, classes=classes, seed=seed),
            published="none; the aim is 0.97 after one pass over the training images",
            epochs=1, batch_size=10, learning_rate=0.1, flat=False,
        ),
        Recipe(
            "simple-cnn-relu", "The same in today's form: ReLU, Adam, a falling learning rate",
            lambda seed, shape, classes: SimpleCNN(
                activation="relu", input_shape=shape, classes=classes, seed=seed
            ),
            published="none; the aim is 0.985",
            epochs=3, batch_size=50, optimizer="adam", learning_rate=0.002, schedule=Cosine, flat=False,
        ),
        Recipe(
            "simple-conv-net", "The book's SimpleConvNet: convolution 30 of 5x5, pooling, 100, 10",
            lambda seed, shape, classes: simple_conv_net(seed, input_shape=shape, classes=classes),
            published="0.9896 test, 0.9982 train after 20 epochs",
            epochs=20, batch_size=100, optimizer="adam", learning_rate=0.002, schedule=Cosine, flat=False,
        ),
        Recipe(
            "deep-conv-net", "The book's DeepConvNet: six convolutions of 3x3",
            lambda seed, shape, classes: deep_conv_net(seed, input_shape=shape, classes=classes),
            published="0.9938 test after 20 epochs",
            epochs=20, batch_size=100, optimizer="adam", learning_rate=0.001, flat=False,
        ),
        Recipe(
            "mnist-cnn",
            "The CNN of the Keras tutorials, 1,199,882 parameters; images shifted by a pixel, Adam, one cycle",
            lambda seed, shape, classes: mnist_cnn(seed, input_shape=shape, classes=classes),
            published="0.9925 test after 12 epochs",
            epochs=12, batch_size=128, optimizer="adam", learning_rate=0.002, schedule=_one_cycle, flat=False,
            watch="nothing", options=(("train_sample", 0), ("augment", RandomShift(1))),
        ),
        Recipe(
            "mnist-cnn-keras", "The same by AdaDelta at a rate of 1, as the tutorials train it",
            lambda seed, shape, classes: mnist_cnn(seed, input_shape=shape, classes=classes),
            published="0.9925 test after 12 epochs",
            epochs=12, batch_size=128, optimizer="adadelta", learning_rate=1.0, flat=False,
            optimizer_options=(("epsilon", 1e-7),),
        ),
        Recipe(
            "lenet", "LeNet-5, 61,706 parameters",
            lambda seed, shape, classes: lenet5(seed, input_shape=shape, classes=classes),
            published="0.9905 test (LeCun et al. 1998, after 20 passes, by a method of its own)",
            epochs=10, batch_size=100, optimizer="adam", learning_rate=0.002, schedule=Cosine, flat=False,
        ),
        Recipe(
            "resnet", "A residual network of three blocks, 77,754 parameters",
            lambda seed, shape, classes: small_resnet(seed, input_shape=shape, classes=classes),
            published="none",
            epochs=3, batch_size=100, optimizer="adam", learning_rate=0.004, schedule=Cosine, flat=False,
        ),
        Recipe(
            "sprint", "The sprint: 99 % as fast as two CPU cores go, the test images looked at once",
            sprint_net,
            published="0.9904 in one pass, 0.76 s on a GPU (train_mnist_fast, mean of 30)",
            epochs=2, batch_size=128, optimizer="adam", learning_rate=0.006, schedule=_one_cycle,
            optimizer_options=(("beta1", 0.7), ("beta2", 0.9)), flat=False, watch="nothing",
            options=(("train_sample", 0),),
        ),
    )
}  # fmt: skip
"""Every recipe by the name that `pellucid train` takes."""


@checked
def recipe(name: str) -> Recipe:
    """Return the recipe of that name; an unknown name raises, with the nearest known one.

    Examples
    --------
    >>> pl.models.recipe("two-layer-net").published
    '0.9785 train, 0.9687 test after 9,600 iterations, 91.3 s'
    >>> pl.models.recipe("two-layer-ned")
    Traceback (most recent call last):
        ...
    pellucid.errors.UnknownNameError: ... Did you mean 'two-layer-net'? ...
    """
    checks.expect_known("Recipe", "model", name, RECIPES)
    return RECIPES[name]
