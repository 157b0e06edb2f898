"""The estimators do what scikit-learn's users expect of a network, and what only ours can."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.preprocessing import scale

import pellucid as pl
from pellucid.errors import ArgumentError, ShapeError, UnknownNameError
from pellucid.sklearn import PellucidClassifier, PellucidRegressor

X, SPECIES = load_iris(return_X_y=True)
X = scale(X)
Y = np.array(["setosa", "versicolor", "virginica"])[SPECIES]


def classifier(**options) -> PellucidClassifier:
    return PellucidClassifier(**{"hidden_sizes": 8, "epochs": 5, "learning_rate": 0.01, "random_state": 0, **options})


def same(a, b, x=X) -> bool:
    return np.array_equal(a.predict_proba(x), b.predict_proba(x))


@pytest.fixture(scope="module")
def model() -> PellucidClassifier:
    return classifier().fit(X, Y)


class TestNetworks:
    pictures = np.random.default_rng(0).random((30, 64), np.float32)

    @pytest.mark.parametrize(
        ("options", "layers"),
        [
            ({"hidden_sizes": ()}, "Affine"),
            ({"hidden_sizes": (5, 4), "dropout": 0.5}, "Affine ReLU Dropout Affine ReLU Dropout Affine"),
            ({"image_shape": (8, 8), "filters": 2}, "Conv2D ReLU MaxPool2D Flatten Affine ReLU Affine"),
            ({"image_shape": "signal", "filters": 2}, "Conv2D ReLU MaxPool2D Flatten Affine ReLU Affine"),
            ({"network": [pl.Affine(2), pl.Tanh(), pl.Affine(3)]}, "Affine Tanh Affine"),
            ({"network": lambda shape, outputs: [pl.Affine(outputs)]}, "Affine"),
            ({"network": "two-layer-net"}, "Affine ReLU Affine"),
            ({"network": "simple-cnn", "image_shape": (8, 8)}, "Conv2D Tanh MaxPool2D Flatten Affine Tanh Affine"),
        ],
    )
    def test_parameters_make_the_network(self, options, layers):
        model = classifier(epochs=1, **options).fit(self.pictures, np.arange(30) % 3)

        assert " ".join(type(layer).__name__ for layer in model.network_.layers) == layers
        assert model.predict(self.pictures).shape == (30,)

    def test_a_signal_is_convolved_along_its_features(self):
        model = classifier(image_shape="signal", filters=2, kernel_size=5, epochs=1).fit(X, Y)

        assert model.network_.params["conv2d1.W"].shape == (5, 1, 1, 2)

    def test_a_ready_network_is_copied_with_its_parameters_and_goes_on_from_them(self):
        ready = pl.Sequential([pl.Affine(3)], input_shape=4, seed=7)
        before = ready.params["affine1.W"].copy()
        model = classifier(network=ready, optimizer="sgd", learning_rate=1e-12, epochs=1).fit(X, Y)

        np.testing.assert_array_equal(ready.params["affine1.W"], before)
        np.testing.assert_allclose(model.network_.params["affine1.W"], before, atol=1e-6)

    def test_layers_given_stay_as_they_were_and_make_the_same_network_again(self):
        model = classifier(network=[pl.Affine(3)])

        assert same(model.fit(X, Y), clone(model).fit(X, Y))
        assert model.network[0].input_shape is None

    @pytest.mark.parametrize(
        ("options", "error", "said"),
        [
            ({"image_shape": (3, 3)}, ShapeError, r"samples of shape \(3, 3, 1\) hold 9 numbers, and X has 4 features"),
            ({"image_shape": 4}, ArgumentError, r'image_shape must be \(H, W\), \(H, W, C\) or "signal", got 4'),
            ({"network": 3}, ArgumentError, "network must be a recipe's name, a network, a list of layers or a func"),
            ({"network": "lenett"}, UnknownNameError, "Did you mean 'lenet'"),
            ({"network": [pl.Affine(2)]}, ShapeError, r"the network must give \(3,\) for these targets, got \(2,\)"),
            ({"activation": "rellu"}, UnknownNameError, "Did you mean 'relu'"),
            ({"epochs": 0}, ArgumentError, "PellucidClassifier: epochs must be a whole number of at least 1, got 0"),
            ({"schedule": "cosin"}, UnknownNameError, "Did you mean 'cosine'"),
            ({"schedule": lambda rate, n: 1}, ArgumentError, "schedule.* must return a Schedule, got 1"),
            ({"optimizer": pl.Adam(0.1)}, ArgumentError, "give learning_rate, schedule and alpha .* to the optimiser"),
        ],
    )
    def test_parameters_that_do_not_fit_take_one_line(self, options, error, said):
        with pytest.raises(error, match=said):
            classifier(**options).fit(X, Y)


class TestTraining:
    def test_it_learns_and_prints_nothing(self, capsys):
        model = classifier(epochs=60).fit(X, Y)

        assert model.score(X, Y) > 0.95
        assert model.classes_.tolist() == ["setosa", "versicolor", "virginica"]
        assert (model.n_classes_, model.n_outputs_, model.n_features_in_) == (3, 3, 4)
        assert model.n_iter_ == len(model.loss_curve_)
        assert model.loss_ == model.loss_curve_[-1] < model.loss_curve_[0]
        assert model.validation_scores_ is None
        assert capsys.readouterr().out == ""

    def test_verbose_prints_a_line_an_epoch(self, capsys):
        classifier(epochs=2, verbose=True, early_stopping=True).fit(X, Y)

        assert capsys.readouterr().out.count("loss = ") == 2

    def test_early_stopping_gives_back_the_best(self):
        model = classifier(epochs=200, early_stopping=True, validation_fraction=0.3, n_iter_no_change=3, tol=0)
        model.fit(X, Y)

        assert model.n_iter_ == len(model.validation_scores_) < 200
        assert model.best_validation_score_ == max(model.validation_scores_)
        assert model.validation_scores_.index(model.best_validation_score_) == model.n_iter_ - 1 - 3

    def test_the_scores_of_numbers_are_r_squared(self):
        model = PellucidRegressor(8, epochs=30, learning_rate=0.01, early_stopping=True, random_state=0).fit(X, X[:, 0])

        assert model.validation_scores_[0] < 0.5 < model.best_validation_score_ <= 1

    def test_training_ends_where_the_loss_gets_no_better(self):
        assert classifier(epochs=50, tol=10.0, n_iter_no_change=3).fit(X, Y).n_iter_ == 4
        assert classifier(epochs=50, tol=None, n_iter_no_change=3).fit(X, Y).n_iter_ == 50

    def test_a_warm_start_goes_on(self):
        model = classifier(warm_start=True).fit(X, Y)
        first = model.loss_
        model.fit(X, Y)

        assert model.loss_ < first
        assert len(model.loss_curve_) == 10
        with pytest.raises(ValueError, match="warm_start can only be used where `y` has the same classes"):
            model.fit(X, SPECIES > 0)

    def test_partial_fit_goes_on_with_the_optimiser_as_it_was(self):
        whole = classifier(epochs=4, batch_size=150, tol=None).fit(X, Y)
        model = classifier(batch_size=150)
        for _ in range(4):
            model.partial_fit(X, Y, classes=np.unique(Y))

        assert model.t_ == whole.t_
        np.testing.assert_allclose(model.predict_proba(X), whole.predict_proba(X), rtol=1e-5)

    def test_partial_fit_takes_batches_of_one_class(self):
        model = classifier()
        for name in np.unique(Y):
            model.partial_fit(X[name == Y], Y[name == Y], classes=np.unique(Y))

        assert model.predict_proba(X).shape == (150, 3)

    @pytest.mark.parametrize(
        ("options", "arguments", "said"),
        [
            ({}, {}, "classes must be passed on the first call to partial_fit"),
            ({}, {"classes": ["setosa"]}, "`y` has classes not in `self.classes_`"),
            ({"early_stopping": True}, {"classes": np.unique(Y)}, "partial_fit does not support early_stopping=True"),
            ({"class_weight": "balanced"}, {"classes": np.unique(Y)}, "'balanced' is not supported for partial_fit"),
        ],
    )
    def test_partial_fit_says_what_it_needs(self, options, arguments, said):
        with pytest.raises(ValueError, match=said):
            classifier(**options).partial_fit(X, Y, **arguments)

    def test_class_weights_are_weights_of_the_rows(self):
        rows = np.r_[0:50, 50:60, 100:150]
        x, y = X[rows], Y[rows]
        names, counts = np.unique(y, return_counts=True)
        by_class = dict(zip(names, len(y) / (3 * counts), strict=True))
        by_row = classifier().fit(x, y, sample_weight=[by_class[name] for name in y])

        assert same(classifier(class_weight="balanced").fit(x, y), by_row)
        assert same(classifier(class_weight=by_class).fit(x, y), by_row)

    def test_a_schedule_knows_how_many_steps_are_planned(self):
        model = classifier(schedule="one-cycle", tol=None).fit(X, Y)

        assert model._training.optimizer.rate_at(model._training.optimizer.iteration - 1) < 1e-5

    def test_a_schedule_that_listens_hears_the_training_loss(self):
        rate = pl.schedules.ReduceOnPlateau(1e-20, patience=1)
        model = classifier(learning_rate=rate, tol=None).fit(X, Y)

        assert model._training.optimizer.learning_rate < 1e-20


class TestAnswers:
    def test_several_labels_at_once(self):
        labels = np.c_[X[:, 0] > 0, X[:, 1] > 0, X[:, 2] > 0].astype(int)
        model = classifier(epochs=60, early_stopping=True).fit(X, labels)

        assert model.predict_proba(X).shape == (150, 3)
        assert set(np.unique(model.predict(X))) == {0, 1}
        assert model.score(X, labels) > 0.7

    def test_several_numbers_at_once(self):
        model = PellucidRegressor(8, epochs=60, learning_rate=0.01, random_state=0).fit(X[:, :2], X[:, 2:])

        assert model.predict(X[:, :2]).shape == (150, 2)
        assert model.score(X[:, :2], X[:, 2:]) > 0.5

    def test_several_columns_of_several_classes_are_refused(self):
        with pytest.raises(ValueError, match="MultiOutputClassifier"):
            classifier().fit(X, np.c_[SPECIES, SPECIES])

    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"network": [pl.Affine(1)]},
            {"network": [pl.Affine(1), pl.Sigmoid()]},
            {"network": [pl.Affine(2), pl.Softmax()], "loss": "CrossEntropy"},
            {"network": [pl.Affine(1)], "loss": "MeanSquaredError"},
        ],
        ids=str,
    )
    def test_a_score_above_0_says_the_second_of_two_classes(self, options):
        model = classifier(**options).fit(X, SPECIES > 0)
        score = model.decision_function(X)

        assert score.shape == (150,)
        np.testing.assert_array_equal(score > 0, model.predict(X))

    def test_a_margin_has_no_probabilities(self):
        model = classifier(loss="Hinge").fit(X, Y)

        assert not hasattr(model, "predict_proba")
        np.testing.assert_array_equal(model.classes_[model.decision_function(X).argmax(axis=1)], model.predict(X))

    def test_feature_names_come_from_pandas_and_polars(self):
        pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
        names = ["a", "b", "c", "d"]
        one = classifier().fit(pandas.DataFrame(X, columns=names), Y)
        other = classifier().fit(polars.DataFrame(X, schema=names), Y)

        assert one.feature_names_in_.tolist() == other.feature_names_in_.tolist() == names
        assert one.network_.inputs.columns == tuple(names)
        assert one.network_.inputs.class_names == ("setosa", "versicolor", "virginica")
        assert same(one, other, pandas.DataFrame(X, columns=names))
        with pytest.raises(ValueError, match="feature names should match"):
            one.predict(pandas.DataFrame(X, columns=names[::-1]))


class TestExplanations:
    def test_values_are_in_the_form_of_the_rows(self, model):
        said = model.explain(X[:3])

        assert said.values.shape == (3, 4)
        assert said.proof.holds.all()
        assert said.target.tolist() == model.decision_function(X[:3]).argmax(axis=1).tolist()

    def test_targets_are_classes(self, model):
        assert model.explain(X[:2], "saliency", target="virginica").target.tolist() == [2, 2]
        assert model.explain(X[:2], "saliency", target=["setosa", "virginica"]).target.tolist() == [0, 2]
        assert model.explain(X[:2], "saliency", target=pl.explain.Contrast("virginica", "setosa")).target[0] == 2
        assert model.explain(X[:2], "saliency", target=pl.explain.Unit("affine1", 3)).scalar.startswith("unit 3")
        with pytest.raises(UnknownNameError, match="unknown target 'virginia'. Did you mean 'virginica'"):
            model.explain(X[:2], target="virginia")
        with pytest.raises(UnknownNameError, match="unknown method"):
            model.explain(X[:2], "salience")

    def test_pictures_stay_pictures_and_signals_become_rows(self):
        picture = classifier(image_shape=(2, 2), filters=2, epochs=1).fit(X, Y)
        signal = classifier(image_shape="signal", filters=2, epochs=1).fit(X, Y)

        assert picture.explain(X[:2]).values.shape == (2, 2, 2, 1)
        assert signal.explain(X[:2]).values.shape == (2, 4)
        assert signal.explain(X[:2], "grad-cam", layer="maxpool2d1").values.shape == (2, 2, 1, 1)

    def test_features_are_named(self):
        pandas = pytest.importorskip("pandas")
        frame = pandas.DataFrame(X, columns=["a", "b", "c", "d"])

        assert classifier().fit(frame, Y).explain(frame[:2]).settings["features"] == ["a", "b", "c", "d"]

    def test_numbers_are_explained_by_their_output(self):
        model = PellucidRegressor(8, epochs=2, random_state=0).fit(X, X[:, :2])

        assert model.explain(X[:2], target=1).target.tolist() == [1, 1]


class TestCopies:
    def test_pickles_and_copies_answer_and_go_on_alike(self, model):
        twins = [pickle.loads(pickle.dumps(model)), copy.deepcopy(model)]

        assert all(same(model, twin) for twin in twins)
        one, other = (twin.partial_fit(X[:20], Y[:20]) for twin in twins)
        assert same(one, other)
        assert not same(one, model)

    def test_skops_takes_it(self, model):
        io = pytest.importorskip("skops.io")
        data = io.dumps(model)
        names = io.get_untrusted_types(data=data)

        assert sorted(name.rpartition(".")[2] for name in names) == [
            "Adam",
            "Constant",
            "PellucidClassifier",
            "SoftmaxCrossEntropy",
            "Training",
        ]
        assert same(io.loads(data, trusted=names), model)

    def test_layers_of_ones_own_are_pickled_as_they_are(self):
        model = classifier(network=[Doubled(), pl.Affine(3)]).fit(X, Y)

        assert same(pickle.loads(pickle.dumps(model)), model)

    def test_a_clone_knows_nothing_but_its_parameters(self, model):
        assert not hasattr(clone(model), "network_")
        assert clone(model).get_params() == model.get_params()

    def test_the_network_is_saved_as_any_other(self, model, tmp_path):
        pl.save(model.network_, tmp_path / "iris.safetensors")
        network = pl.load(tmp_path / "iris.safetensors")

        np.testing.assert_array_equal(pl.predict_proba(network, X.astype(np.float32)), model.predict_proba(X))

    def test_a_notebook_shows_it_as_scikit_learns(self, model):
        assert "PellucidClassifier" in model._repr_html_()
        assert repr(classifier(epochs=7)).startswith("PellucidClassifier(epochs=7")


class Doubled(pl.Layer):
    facts = pl.layers.Facts(linear=True)

    def infer_shape(self, input_shape):
        return input_shape

    def forward(self, x, *, train=False, rng=None):
        return 2 * x, None

    def backward(self, dy, cache, *, need_dx=True, need_grads=True):
        return 2 * dy, {}


def test_without_scikit_learn_the_error_names_the_extra():
    code = "import sys; sys.modules['sklearn'] = None; import pellucid as pl; pl.sklearn"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert "pellucid.sklearn needs sklearn, which is not installed. Run: pip install 'pellucid[sklearn]'" in done.stderr
