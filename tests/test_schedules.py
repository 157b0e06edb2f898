"""Schedules: the rate at the places that matter, worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.errors import ArgumentError
from pellucid.schedules import (
    Constant,
    Cosine,
    Exponential,
    OneCycle,
    ReduceOnPlateau,
    Schedule,
    StepDecay,
    WarmUp,
    as_schedule,
)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Constant(0.1), {0: 0.1, 10**6: 0.1}),
        (StepDecay(0.1, every=100), {0: 0.1, 99: 0.1, 100: 0.01, 199: 0.01, 200: 0.001}),
        (StepDecay(1.0, every=3, factor=0.5), {2: 1.0, 3: 0.5, 9: 0.125}),
        (Exponential(0.8, every=10), {0: 0.8, 10: 0.4, 20: 0.2, 5: 0.8 * math.sqrt(0.5)}),
        (Cosine(0.1, iterations=1000), {0: 0.1, 500: 0.05, 1000: 0.0, 5000: 0.0}),
        (Cosine(1.0, iterations=3, final=0.5), {0: 1.0, 1: 0.875, 2: 0.625, 3: 0.5, 4: 0.5}),
        (WarmUp(Constant(1.0), iterations=4), {0: 0.25, 1: 0.5, 3: 1.0, 4: 1.0, 99: 1.0}),
        (WarmUp(StepDecay(1.0, every=2), iterations=2), {0: 0.5, 1: 1.0, 2: 1.0, 3: 1.0, 4: 0.1}),
        (WarmUp(0.2, iterations=2), {0: 0.1, 1: 0.2, 5: 0.2}),
        (
            OneCycle(1.0, iterations=100, warm_up=0.3, start_divisor=25, end_divisor=1e4),
            {0: 0.04, 15: 0.52, 30: 1.0, 65: (1 + 1e-4) / 2, 100: 1e-4, 500: 1e-4},
        ),
        (OneCycle(1.0, iterations=10, warm_up=0.0), {0: 1.0, 10: 1e-4}),
    ],
    ids=repr,
)
def test_the_rate_at_each_iteration(schedule: Schedule, expected: dict[int, float]) -> None:
    for iteration, rate in expected.items():
        assert schedule(iteration) == pytest.approx(rate, rel=1e-12, abs=1e-17), iteration


@given(st.integers(0, 2000))
def test_cosine_and_one_cycle_stay_between_their_ends(iteration: int) -> None:
    assert 0.001 <= Cosine(0.1, 1000, final=0.001)(iteration) <= 0.1
    assert 0.1 / 1e4 * (1 - 1e-9) <= OneCycle(0.1, 1000)(iteration) <= 0.1


def test_one_cycle_agrees_with_pytorch() -> None:
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=0.1, total_steps=101, pct_start=31 / 101, final_div_factor=400, cycle_momentum=False
    )  # it peaks at step pct_start · total − 1 = 30, and divides its end by 25 as well: 25 · 400 = 1e4
    ours = OneCycle(0.1, iterations=100)

    for iteration in range(101):
        assert ours(iteration) == pytest.approx(theirs.get_last_lr()[0], rel=1e-9), iteration
        optimizer.step()
        if iteration < 100:
            theirs.step()


def test_reduce_on_plateau_waits_for_its_patience() -> None:
    schedule = ReduceOnPlateau(0.4, factor=0.5, patience=2)
    rates = []
    for loss in (1.0, 0.9, 0.9, 0.95, 0.91, 0.8, 0.9, 0.9, 0.9):
        schedule.observe(loss)
        rates.append(schedule(0))

    # 0.9 is the best until the fifth loss, the third in vain; so again after 0.8.
    assert rates == [0.4, 0.4, 0.4, 0.4, 0.2, 0.2, 0.2, 0.2, 0.1]


def test_reduce_on_plateau_stops_at_its_minimum() -> None:
    schedule = ReduceOnPlateau(0.4, patience=0, minimum=0.15)
    for _ in range(4):
        schedule.observe(1.0)

    assert schedule(0) == 0.15


def test_reduce_on_plateau_agrees_with_pytorch() -> None:
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=0.3, patience=1, threshold=0, min_lr=0.01, eps=0
    )
    ours = ReduceOnPlateau(1.0, factor=0.3, patience=1, minimum=0.01)

    for i in range(40):
        loss = math.sin(i * i) + 2
        theirs.step(loss)
        ours.observe(loss)
        assert ours(i) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-12)


def test_warm_up_hands_losses_on() -> None:
    plateau = ReduceOnPlateau(1.0, patience=0)
    schedule = WarmUp(plateau, iterations=3)
    schedule.observe(1.0)
    schedule.observe(2.0)

    assert schedule(3) == 0.5
    assert schedule(0) == pytest.approx(0.5 / 3)


def test_other_schedules_do_not_mind_being_told_the_loss() -> None:
    schedule = Cosine(0.1, 10)
    schedule.observe(float("nan"))

    assert schedule(0) == 0.1


def test_a_number_is_a_constant_schedule() -> None:
    assert as_schedule(0.1) == Constant(0.1)
    cosine = Cosine(0.1, 10)
    assert as_schedule(cosine) is cosine


def test_the_repr_is_python() -> None:
    schedule = WarmUp(Cosine(0.1, 1000), 10)

    assert eval(repr(schedule)) == schedule
    assert repr(ReduceOnPlateau(0.1)) == "ReduceOnPlateau(learning_rate=0.1, factor=0.5, patience=3, minimum=0.0)"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Constant(0), "Constant: learning_rate must be a number above 0, got 0"),
        (lambda: Constant(float("nan")), "Constant: learning_rate must be a number above 0, got nan"),
        (lambda: Constant("fast"), "Constant: learning_rate must be a number above 0, got 'fast'"),
        (lambda: StepDecay(0.1, every=0), "StepDecay: every must be a number above 0, got 0"),
        (
            lambda: Exponential(0.1, every=5, factor=-1),
            "Exponential: factor must be a number above 0, got -1",
        ),
        (lambda: Cosine(-0.1, 10), "Cosine: learning_rate must be a number above 0, got -0.1"),
        (lambda: Cosine(0.1, 0), "Cosine: iterations must be a number above 0, got 0"),
        (lambda: WarmUp(Constant(1), 0), "WarmUp: iterations must be a number above 0, got 0"),
        (lambda: WarmUp(-1, 5), "Constant: learning_rate must be a number above 0, got -1"),
        (lambda: OneCycle(0.1, 10, warm_up=1.0), r"OneCycle: warm_up must lie in \[0, 1\), got 1.0"),
        (lambda: OneCycle(0.1, 10, warm_up=-0.1), r"OneCycle: warm_up must lie in \[0, 1\), got -0.1"),
        (lambda: ReduceOnPlateau(0.0), "ReduceOnPlateau: learning_rate must be a number above 0, got 0.0"),
    ],
)
def test_impossible_schedules_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make()
