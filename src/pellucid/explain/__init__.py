"""Explanations: what a network's score rests on, pixel by pixel, each with its proof where its method promises one.

    explanation = pl.explain.saliency(network, images, target=3)
    explanation.plot()

Every method takes a network (or an object that holds one in `.network`), a batch of inputs and a target, and returns an
`Explanation`. The network is read and never changed. Nothing here draws; `Explanation.plot` loads what does.
"""

from pellucid.explain import evaluate as evaluate
from pellucid.explain.all_classes import AllClasses as AllClasses
from pellucid.explain.all_classes import all_classes as all_classes
from pellucid.explain.catalogue import METHODS as METHODS
from pellucid.explain.catalogue import Method as Method
from pellucid.explain.machinery.relevance import AlphaBeta as AlphaBeta
from pellucid.explain.machinery.relevance import Bounded as Bounded
from pellucid.explain.machinery.relevance import Epsilon as Epsilon
from pellucid.explain.machinery.relevance import Gamma as Gamma
from pellucid.explain.machinery.relevance import RelevanceRule as RelevanceRule
from pellucid.explain.machinery.rules import RULES as RULES
from pellucid.explain.machinery.rules import guided as guided
from pellucid.explain.machinery.rules import rectified as rectified
from pellucid.explain.maximization.maximize import maximize as maximize
from pellucid.explain.maximization.maximized import Maximized as Maximized
from pellucid.explain.methods.cam import cam as cam
from pellucid.explain.methods.deep_lift import deep_lift as deep_lift
from pellucid.explain.methods.grad_cam import grad_cam as grad_cam
from pellucid.explain.methods.grad_cam import guided_grad_cam as guided_grad_cam
from pellucid.explain.methods.grad_cam_plus_plus import grad_cam_plus_plus as grad_cam_plus_plus
from pellucid.explain.methods.hires_cam import hires_cam as hires_cam
from pellucid.explain.methods.input_x_gradient import input_x_gradient as input_x_gradient
from pellucid.explain.methods.integrated_gradients import integrated_gradients as integrated_gradients
from pellucid.explain.methods.layer_cam import layer_cam as layer_cam
from pellucid.explain.methods.lrp import lrp as lrp
from pellucid.explain.methods.occlusion import occlusion as occlusion
from pellucid.explain.methods.rise import rise as rise
from pellucid.explain.methods.saliency import saliency as saliency
from pellucid.explain.methods.score_cam import score_cam as score_cam
from pellucid.explain.methods.shapley import shapley as shapley
from pellucid.explain.methods.smoothgrad import smoothgrad as smoothgrad
from pellucid.explain.methods.smoothgrad import squaregrad as squaregrad
from pellucid.explain.methods.smoothgrad import vargrad as vargrad
from pellucid.explain.result import Explanation as Explanation
from pellucid.explain.result import Proof as Proof
from pellucid.explain.target import SCALARS as SCALARS
from pellucid.explain.target import Contrast as Contrast
from pellucid.explain.target import Filter as Filter
from pellucid.explain.target import Function as Function
from pellucid.explain.target import Unit as Unit
