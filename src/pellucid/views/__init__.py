"""Views of a network: its summary, its diagram, what its layers give and see, and the samples that excite them."""

from pellucid.views.diagram import diagram as diagram
from pellucid.views.drawing import Drawing as Drawing
from pellucid.views.receptive import Box as Box
from pellucid.views.receptive import receptive_field as receptive_field
from pellucid.views.summary import Row as Row
from pellucid.views.summary import Summary as Summary
from pellucid.views.summary import summary as summary
from pellucid.views.tape import feature_maps as feature_maps
from pellucid.views.top import TopSamples as TopSamples
from pellucid.views.top import top_samples as top_samples
