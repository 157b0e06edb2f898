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
            OneCycle(1.0, iterations=101, warm_up=31 / 101, start_divisor=25, end_divisor=400),
            {0: 0.04, 15: 0.52, 30: 1.0, 65: (1 + 1e-4) / 2, 100: 1e-4, 500: 1e-4},
        ),
        (OneCycle(1.0, iterations=11, warm_up=1 / 11, end_divisor=400), {0: 1.0, 5: (1 + 1e-4) / 2, 10: 1e-4}),
    ],
    ids=repr,
)
def test_the_rate_at_each_iteration(schedule: Schedule, expected: dict[int, float]) -> None:
    for iteration, rate in expected.items():
        assert schedule(iteration) == pytest.approx(rate, rel=1e-12, abs=1e-17), iteration


@given(st.integers(0, 2000))
def test_cosine_and_one_cycle_stay_between_their_ends(iteration: int) -> None:
    assert 0.001 <= Cosine(0.1, 1000, final=0.001)(iteration) <= 0.1
    assert 0.1 / 25 / 1e4 * (1 - 1e-9) <= OneCycle(0.1, 1000)(iteration) <= 0.1


@pytest.mark.parametrize("iterations", [1, 2, 3, 7, 20, 101])
@pytest.mark.parametrize("options", [(0.3, 25.0, 1e4), (0.0, 10.0, 50.0), (0.07, 4.0, 1.0), (0.9, 25.0, 1e4)])
def test_one_cycle_agrees_with_pytorch(iterations: int, options: tuple[float, float, float]) -> None:
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    warm_up, start, end = options
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=0.1,
        total_steps=iterations,
        cycle_momentum=False,
        pct_start=warm_up,
        div_factor=start,
        final_div_factor=end,
    )
    ours = OneCycle(0.1, iterations, *options)

    for iteration in range(iterations):
        assert ours(iteration) == pytest.approx(theirs.get_last_lr()[0], rel=1e-9), iteration
        optimizer.step()
        if iteration + 1 < iterations:
            theirs.step()


@pytest.mark.parametrize(
    ("ours", "theirs", "options"),
    [
        (StepDecay(0.1, every=7, factor=0.3), "StepLR", {"step_size": 7, "gamma": 0.3}),
        (Exponential(0.1, every=1, factor=0.9), "ExponentialLR", {"gamma": 0.9}),
        (Cosine(0.1, 30, final=0.01), "CosineAnnealingLR", {"T_max": 30, "eta_min": 0.01}),
        (WarmUp(0.1, 5), "LinearLR", {"start_factor": 1 / 5, "total_iters": 4}),
    ],
    ids=lambda value: repr(value) if isinstance(value, Schedule) else "",
)
def test_the_other_schedules_agree_with_pytorch(ours: Schedule, theirs: str, options: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    peer = getattr(torch.optim.lr_scheduler, theirs)(optimizer, **options)

    for iteration in range(31):
        assert ours(iteration) == pytest.approx(peer.get_last_lr()[0], rel=1e-9), iteration
        optimizer.step()
        peer.step()


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


def test_a_fresh_schedule_has_heard_nothing_and_shares_nothing() -> None:
    plateau = ReduceOnPlateau(0.4, patience=0)
    used = WarmUp(plateau, iterations=3)
    used.observe(1.0)
    used.observe(2.0)
    fresh = used.fresh()

    assert (used(3), fresh(3)) == (0.2, 0.4)
    fresh.observe(1.0)
    fresh.observe(1.0)
    fresh.observe(1.0)
    assert used(3) == 0.2
    assert (
        repr(plateau)
        == repr(plateau.fresh())
        == "ReduceOnPlateau(learning_rate=0.4, factor=0.5, patience=0, minimum=0.0)"
    )


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
        (lambda: OneCycle(0.1, 10, end_divisor=0), "OneCycle: end_divisor must be a number above 0, got 0"),
        (lambda: Cosine(0.1, 10, final=float("nan")), r"Cosine: final must lie in \[0, inf\), got nan"),
        (lambda: ReduceOnPlateau(0.1, patience=-1), r"ReduceOnPlateau: patience must lie in \[0, inf\), got -1"),
        (lambda: Constant(True), "Constant: learning_rate must be a number above 0, got True"),
        (lambda: ReduceOnPlateau(0.0), "ReduceOnPlateau: learning_rate must be a number above 0, got 0.0"),
    ],
)
def test_impossible_schedules_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make()
