"""The summary of a network, which is one of its views."""

from pellucid.views.summary import Row as Row
from pellucid.views.summary import Summary as Summary
from pellucid.views.summary import summary as summary
