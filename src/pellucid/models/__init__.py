"""The tutorials' models, each in a small file that reads like its tutorial and rests on the core."""

from pellucid.models.book_convnets import deep_conv_net as deep_conv_net
from pellucid.models.book_convnets import simple_conv_net as simple_conv_net
from pellucid.models.lenet import lenet5 as lenet5
from pellucid.models.mnist_cnn import mnist_cnn as mnist_cnn
from pellucid.models.network import Network as Network
from pellucid.models.recipes import RECIPES as RECIPES
from pellucid.models.recipes import Recipe as Recipe
from pellucid.models.recipes import recipe as recipe
from pellucid.models.resnet import small_resnet as small_resnet
from pellucid.models.simple_cnn import SimpleCNN as SimpleCNN
from pellucid.models.truth_table_net import TRUTH_TABLE as TRUTH_TABLE
from pellucid.models.truth_table_net import TruthTableNet as TruthTableNet
from pellucid.models.two_layer_net import TwoLayerNet as TwoLayerNet
