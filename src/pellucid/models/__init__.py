"""The tutorials' models, each in a small file that reads like its tutorial and rests on the core."""

from pellucid.models.network import Network as Network
from pellucid.models.recipes import RECIPES as RECIPES
from pellucid.models.recipes import Recipe as Recipe
from pellucid.models.recipes import recipe as recipe
from pellucid.models.truth_table_net import TRUTH_TABLE as TRUTH_TABLE
from pellucid.models.truth_table_net import TruthTableNet as TruthTableNet
from pellucid.models.two_layer_net import TwoLayerNet as TwoLayerNet
