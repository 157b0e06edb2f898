"""Pictures: every function takes arrays or result objects and returns a Matplotlib Figure, never showing it.

Save one with `figure.savefig("name.png")`; a notebook shows the one that a cell ends with. Matplotlib is
loaded when the first picture is drawn, and pyplot is left alone.
"""

from pellucid.plots.class_maps import class_maps as class_maps
from pellucid.plots.confusion import confusion_matrix as confusion_matrix
from pellucid.plots.curves import training_figure as training_figure
from pellucid.plots.diagram import diagram as diagram
from pellucid.plots.filters import filter_grid as filter_grid
from pellucid.plots.heatmaps import heatmaps as heatmaps
from pellucid.plots.learning import learning_curves as learning_curves
from pellucid.plots.maps import convolution_and_pooling as convolution_and_pooling
from pellucid.plots.maps import feature_maps as feature_maps
from pellucid.plots.maximized import maximized as maximized
from pellucid.plots.occlusion import occlusion_maps as occlusion_maps
from pellucid.plots.samples import mistakes as mistakes
from pellucid.plots.samples import sample_grid as sample_grid
from pellucid.plots.top import top_samples as top_samples
from pellucid.plots.trust import trust_card as trust_card
