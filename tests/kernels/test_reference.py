"""The reference kernels against numbers worked out by hand: everything else is tested against them."""

from __future__ import annotations

import numpy as np

from pellucid.kernels import reference


def image(rows: list[list[float]]) -> np.ndarray:
    """One image with one channel."""
    return np.array(rows, float)[None, :, :, None]


X = image([[1, 2, 3], [4, 5, 6], [7, 8, 9]])
W = image([[1, 0], [0, -1]]).transpose(1, 2, 3, 0)


def test_convolution_does_not_flip_the_kernel() -> None:
    assert reference.conv2d(X, W, np.array([10.0]))[0, :, :, 0].tolist() == [[6, 6], [6, 6]]


def test_padding_counts_as_zero_and_stride_skips() -> None:
    y = reference.conv2d(X, W, padding=((1, 0), (1, 0)), stride=(2, 2))

    assert y[0, :, :, 0].tolist() == [[-1, -3], [-7, 5 - 9]]


def test_dilation_spreads_the_taps() -> None:
    assert reference.conv2d(X, W, dilation=(2, 2))[0, :, :, 0].tolist() == [[1 - 9]]


def test_groups_keep_to_their_channels() -> None:
    x = np.array([[[[1.0, 10.0]]]])
    w = np.array([[[[2.0, 3.0]]]])

    assert reference.conv2d(x, w, groups=2).ravel().tolist() == [2, 30]


def test_gradients_of_convolution_by_hand() -> None:
    dy = image([[1, 2], [3, 4]])

    assert reference.conv2d_input_gradient(dy, W, X.shape)[0, :, :, 0].tolist() == [
        [1, 2, 0],
        [3, 3, -2],
        [0, -3, -4],
    ]
    assert reference.conv2d_weight_gradient(X, dy, W.shape)[:, :, 0, 0].tolist() == [[37, 47], [67, 77]]


def test_transposed_convolution_is_the_input_gradient() -> None:
    y = reference.conv_transpose2d(image([[1, 2], [3, 4]]), W, np.array([0.5]))

    assert y[0, :, :, 0].tolist() == [[1.5, 2.5, 0.5], [3.5, 3.5, -1.5], [0.5, -2.5, -3.5]]


def test_the_first_maximum_takes_the_gradient() -> None:
    x = image([[1, 1], [1, 0]])
    y, switch = reference.max_pool2d(x, (2, 2))

    assert (y.ravel().tolist(), switch.ravel().tolist()) == ([1], [0])
    dx = reference.max_pool2d_gradient(np.full_like(y, 5), switch, x.shape, (2, 2))
    assert dx[0, :, :, 0].tolist() == [[5, 0], [0, 0]]


def test_padding_never_wins_a_maximum() -> None:
    y, switch = reference.max_pool2d(-X, (2, 2), padding=((1, 0), (1, 0)))

    assert y[0, :, :, 0].tolist() == [[-1, -2], [-4, -5]]
    assert switch[0, :, :, 0].tolist() == [[3, 2], [1, 0]]


def test_average_counts_padding_only_if_asked() -> None:
    inside = reference.average_pool2d(X, (2, 2), padding=((1, 0), (1, 0)))
    counted = reference.average_pool2d(X, (2, 2), padding=((1, 0), (1, 0)), count_padding=True)

    assert inside[0, :, :, 0].tolist() == [[1, 2.5], [5.5, 7]]
    assert counted[0, :, :, 0].tolist() == [[0.25, 1.25], [2.75, 7]]
