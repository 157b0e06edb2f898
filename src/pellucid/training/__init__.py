"""Training: the loop, its record, what listens to it, and measuring."""

from pellucid.layers.container import network_of as network_of
from pellucid.training.callbacks import Callback as Callback
from pellucid.training.callbacks import EarlyStopping as EarlyStopping
from pellucid.training.evaluation import Evaluation as Evaluation
from pellucid.training.evaluation import choose_loss as choose_loss
from pellucid.training.evaluation import evaluate as evaluate
from pellucid.training.evaluation import predict as predict
from pellucid.training.evaluation import predict_classes as predict_classes
from pellucid.training.evaluation import predict_proba as predict_proba
from pellucid.training.fit import fit as fit
from pellucid.training.history import History as History
