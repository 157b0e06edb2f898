from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from pellucid import plots
from pellucid.errors import ArgumentError, DataError
from pellucid.pictures import series
from plots.histories import history


def lines(axes):
    return {line.get_label(): line for line in axes.get_lines()}


def legend(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_training_figure_draws_every_loss_and_its_running_mean():
    run = history()

    loss = lines(plots.training_figure(run).axes[0])

    assert_allclose(loss["each iteration"].get_xdata(), run.iterations["iteration"])
    assert_allclose(loss["each iteration"].get_ydata(), run.iterations["loss"])
    mean = loss["running mean"].get_ydata()  # a hundredth of 400 iterations: two to either side
    assert_allclose(mean[0], 2.0)
    assert_allclose(mean[1], (2 / 1 + 2 / 2 + 2 / 3) / 3)
    assert_allclose(mean[9], (2 / 8 + 2 / 9 + 2 / 10 + 2 / 11 + 2 / 12) / 5)


def test_training_figure_draws_both_accuracies_by_epoch_and_names_the_last():
    run = history()

    fig = plots.training_figure(run)

    assert [axes.get_title("left") for axes in fig.axes] == ["Loss", "Accuracy"]
    assert [axes.get_xlabel() for axes in fig.axes] == ["iteration", "epoch"]
    train, test = fig.axes[1].get_lines()
    assert_allclose(train.get_xdata(), [0, 1, 2, 3, 4])
    assert_allclose(train.get_ydata(), run.epochs["train_accuracy"])
    assert_allclose(test.get_ydata(), run.epochs["validation_accuracy"])
    assert legend(fig.axes[1]) == ["train  0.8200", "test  0.8100"]


def test_training_figure_shows_the_whole_range_of_accuracy():
    low, high = plots.training_figure(history()).axes[1].get_ylim()

    assert low <= 0.05
    assert high >= 1


def test_training_figure_without_measured_accuracy_is_the_loss_alone():
    run = history(train_accuracy=[None] * 5, validation_accuracy=[float("nan")] * 5)

    assert [axes.get_title("left") for axes in plots.training_figure(run).axes] == ["Loss"]


def test_training_figure_leaves_out_a_missing_curve_and_names_the_held_out_data():
    run = history(train_accuracy=[None] * 5)

    assert legend(plots.training_figure(run, held_out="validation").axes[1]) == ["validation  0.8100"]


def test_a_loss_that_became_nan_ends_the_curve_but_not_the_picture():
    run = history()
    run.iterations["loss"][200:] = [float("inf")] * 200

    drawn = lines(plots.training_figure(run).axes[0])["each iteration"].get_ydata()

    assert np.isfinite(drawn[:200]).all()
    assert np.isnan(drawn[200:]).all()


def test_learning_curves_of_one_run_draw_what_was_recorded():
    run = history()

    loss, accuracy, rate = plots.learning_curves(run).axes

    assert [axes.get_title("left") for axes in (loss, accuracy, rate)] == [
        "Loss",
        "Accuracy",
        "Learning rate",
    ]
    assert_allclose(lines(loss)["training"].get_ydata(), run.epochs["train_loss"])
    assert_allclose(lines(loss)["validation"].get_ydata(), run.epochs["validation_loss"])
    assert_allclose(lines(accuracy)["validation"].get_ydata(), run.epochs["validation_accuracy"])
    assert_allclose(rate.get_lines()[0].get_xdata(), np.arange(1, 401) / 100)  # iterations as epochs
    assert_allclose(rate.get_lines()[0].get_ydata(), 0.1)
    assert rate.get_xlabel() == "epoch"


def test_learning_curves_show_the_range_after_the_first_step():
    loss, accuracy, rate = plots.learning_curves(history()).axes

    assert loss.get_ylim() == pytest.approx((0, 1.05 + 0.05 * (1.05 - 2 / 5)))
    assert 0.4 < accuracy.get_ylim()[0] < 1 - 0.95 / 2
    assert rate.get_ylim()[0] == 0


def test_several_runs_share_panels_and_are_named():
    runs = {"slow": history(rate=0.01), "fast": history(rate=1.0)}

    fig = plots.learning_curves(runs, title="Two rates")

    assert [text.get_text() for text in fig.legends[0].get_texts()] == ["slow", "fast"]
    assert fig.get_suptitle() == "Two rates"
    assert len(fig.axes) == 3
    assert len(fig.axes[0].get_lines()) == 4
    assert [line.get_ydata()[0] for line in fig.axes[2].get_lines()] == [0.01, 1.0]
    colours = {line.get_color() for line in fig.axes[0].get_lines()}
    assert len(colours) == 2


def test_runs_without_epochs_are_compared_by_iteration_and_running_mean():
    run = history()
    run.epochs = {name: [] for name in run.epochs}

    loss, rate = plots.learning_curves(run).axes

    assert rate.get_xlabel() == "iteration"
    assert_allclose(lines(loss)["training"].get_ydata()[9], (2 / 8 + 2 / 9 + 2 / 10 + 2 / 11 + 2 / 12) / 5)


def test_a_logarithmic_loss_has_plain_numbers():
    axes = plots.learning_curves(history(), log=True).axes[0]

    assert axes.get_yscale() == "log"
    assert axes.yaxis.get_major_formatter()(0.5) == "0.5"


def test_running_mean_leaves_gaps_out():
    values = np.array([1.0, np.nan, 3.0, 5.0])

    assert_allclose(series.running_mean(values, 2), [1.0, 2.0, 4.0, 4.0])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (None, "history must have the tables .iterations and .epochs.* got NoneType"),
        ({"a": 3}, "got int"),
        ({}, "at least one run, got an empty dictionary"),
    ],
)
def test_what_is_not_a_history_is_refused(wrong, message):
    with pytest.raises(ArgumentError, match=message):
        plots.learning_curves(wrong)


def test_several_histories_are_pointed_to_learning_curves():
    with pytest.raises(ArgumentError, match="learning_curves also takes several"):
        plots.training_figure({"a": history()})


def test_a_history_without_a_finite_loss_is_refused():
    run = SimpleNamespace(iterations={"iteration": [1, 2], "loss": [float("nan"), None]}, epochs={})

    with pytest.raises(DataError, match="the history holds no finite loss"):
        plots.training_figure(run)


def test_columns_of_different_length_are_refused():
    run = history()
    run.iterations["loss"].append(1.0)

    with pytest.raises(ArgumentError, match="columns of history.iterations must be equally long.*'loss': 401"):
        plots.training_figure(run)


def test_a_column_of_words_is_refused():
    run = history(train_loss=["high"] * 5)

    with pytest.raises(ArgumentError, match=r"history.epochs\['train_loss'\] must hold numbers or None"):
        plots.training_figure(run)
