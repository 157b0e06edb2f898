"""The tables of plans, read as the loops read them: each output sees the pixels that its equation names."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from kernels.shapes import Conv, convolutions
from pellucid.kernels import Window, reference
from pellucid.kernels.depthwise import plan as depthwise
from pellucid.kernels.direct import plan as direct
from pellucid.kernels.geometry import conv_output_shape
from pellucid.typing import Array


def window_of(case: Conv) -> Window:
    return Window(case.w_shape[:2], case.stride, case.padding, case.dilation)


def framed(images: Array, frame: direct.Frame) -> Array:
    """Images in their border of zeros, flat."""
    border = np.zeros((len(images), frame.hp, frame.wp, frame.channels))
    border[:, frame.top : frame.top + frame.height, frame.left : frame.left + frame.width] = images
    return border.reshape(len(images), -1)


@given(convolutions())
def test_the_tables_of_the_direct_kernel_give_the_outputs(case: Conv) -> None:
    x, w, _, _ = case.arrays()
    work = direct.forward_work(x.shape, w.shape[3], window_of(case), case.groups)
    border, y = framed(x, work.frame), np.full((len(x), *work.made), np.nan).reshape(len(x), -1)
    t, cg, og = work.tables, w.shape[2], w.shape[3] // case.groups
    for g in range(case.groups):
        weights = w[..., g * og : (g + 1) * og].reshape(-1, og)
        at = t.places[:, None, None] // 4 + t.runs[:, None] // 4 + np.arange(work.run) + g * cg
        sums = border[:, at].reshape(len(x), len(t.places), -1) @ weights
        y[:, t.outs[:, None] // 4 + np.arange(og) + g * og] = sums
    expected = reference.conv2d(x, w, **case.how)
    np.testing.assert_allclose(y.reshape(expected.shape), expected, atol=1e-12)


@given(convolutions())
def test_the_phases_of_the_direct_kernel_give_the_input_gradient(case: Conv) -> None:
    x, w, _, dy = case.arrays()
    work = direct.backward_work(x.shape, w.shape[3], window_of(case), case.groups)
    border, dx = framed(dy, work.frame), np.zeros((len(x), x[0].size))
    t, cg, og = work.tables, w.shape[2], w.shape[3] // case.groups
    for (first, last, begin, end), taps in zip(t.parts.reshape(-1, 4), work.taps * t.cuts, strict=True):
        for g in range(case.groups):
            for run, (u, v) in zip(t.runs[begin:end], taps, strict=True):
                at = (t.places[first:last, None] + run) // 4 + np.arange(og) + g * og
                to = t.outs[first:last, None] // 4 + np.arange(cg) + g * cg
                dx[:, to] += border[:, at] @ w[u, v, :, g * og : (g + 1) * og].T
    expected = reference.conv2d_input_gradient(dy, w, x.shape, **case.how)
    np.testing.assert_allclose(dx.reshape(x.shape), expected, atol=1e-12)


def by_parts(plan: depthwise.Plan, x: Array, w: Array) -> Array:
    """A depthwise correlation as its tables tell it, one output after the other; NaN where none is made."""
    y, w = np.full((len(x), *plan.out, x.shape[3]), np.nan), w.reshape(-1, x.shape[3])
    pace, lengths = plan.pace, depthwise.RUNS
    for j in range(pace.steps):
        for row, column, outputs, low, high, first, *counts in plan.tables.parts:
            if not 0 <= row + j * pace.down < plan.out[0]:
                continue
            runs = plan.tables.table[first : first + sum(counts)]
            for t in range(outputs):
                total, outside = np.zeros((len(x), x.shape[3])), False
                for (r, c, tap), length in zip(runs, np.repeat(lengths, counts), strict=True):
                    for k in range(length):
                        i, q = j * pace.go + pace.first + r, t * pace.stride + c + k
                        outside |= not 0 <= q < x.shape[2]
                        if 0 <= i < x.shape[1] and 0 <= q < x.shape[2]:
                            total += x[:, i, q] * w[plan.tables.order[tap + k]]
                assert not (low <= t < high and outside)
                y[:, row + j * pace.down, column + t * pace.beside] = total
    return y


def channelwise() -> object:
    """Convolutions in which each channel has a kernel of its own."""
    return convolutions().map(
        lambda case: case._replace(w_shape=(*case.w_shape[:2], 1, case.x_shape[3]), groups=case.x_shape[3])
    )


@given(channelwise())
def test_the_parts_of_the_depthwise_kernel_give_the_outputs_and_the_input_gradient(case: Conv) -> None:
    x, w, _, dy = case.arrays()
    window = window_of(case)
    y = by_parts(depthwise.forward_plan(x.shape, window), x, w)
    np.testing.assert_allclose(y, reference.conv2d(x, w, **case.how), atol=1e-12)
    dx = by_parts(depthwise.gradient_plan(x.shape, window), dy, w)
    np.testing.assert_allclose(
        np.nan_to_num(dx), reference.conv2d_input_gradient(dy, w, x.shape, **case.how), atol=1e-12
    )


@given(channelwise())
def test_the_runs_of_the_depthwise_weight_gradient_are_all_taps_and_their_insides_are_inside(case: Conv) -> None:
    window = window_of(case)
    plan = depthwise.weight_plan(case.x_shape, window)
    groups, members, taps = plan.kind
    assert len(plan.places) == groups * members
    assert len(plan.order) == groups * taps
    assert sorted(set(plan.order.tolist())) == list(range(window.size[0] * window.size[1]))
    columns = [v * window.dilation[1] - window.padding[1][0] for v in range(window.size[1])]
    for t in range(*plan.inside):
        assert all(0 <= t * window.stride[1] + column < case.x_shape[2] for column in columns)


@pytest.mark.parametrize("stride", [(1, 1), (2, 3)])
def test_a_gradient_has_a_phase_for_each_place_between_the_steps(stride: tuple[int, int]) -> None:
    window = Window((3, 3), stride, ((1, 1), (1, 1)))
    work = direct.backward_work((1, 12, 12, 2), 4, window, 1)
    assert len(work.taps) == stride[0] * stride[1]
    assert sorted(tap for taps in work.taps for tap in taps) == [(u, v) for u in range(3) for v in range(3)]
    assert sorted(work.tables.outs // 8) == list(range(144))
    assert conv_output_shape((1, 12, 12, 2), (3, 3, 2, 4), window)[1:3] == tuple(work.frame[:2])
