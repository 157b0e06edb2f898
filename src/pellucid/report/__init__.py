"""Everything about one network on one page: an HTML file that opens from disk."""

from pellucid.report.page import html_report as html_report
from pellucid.report.sample import Sample as Sample
