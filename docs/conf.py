"""How Sphinx makes the site: `make docs`. Nothing is fetched, neither while building nor by a reader's browser."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

import pellucid

project = "Pellucid"
author = "The Pellucid developers"
copyright = author  # noqa: A001  # Sphinx's name
version = release = pellucid.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "docstrings",
    "names",
    "entries",
    "commands",
    "sources",
]
exclude_patterns = ["_build", "_extensions", "_static", "jupyter_execute"]

# A name in a docstring's backticks links to its entry where it has one: `_extensions/names.py`.
nitpicky = True
default_role = "name"

autodoc_typehints = "none"  # the docstrings give types and shapes, shorter
autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False  # `forward` is documented once, at Layer
autodoc_preserve_defaults = True
toc_object_entries_show_parents = "hide"
viewcode_line_numbers = True

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

# Notebooks are kept without outputs and run each time the site is built; NOTEBOOKS=off shows them as they are.
nb_execution_mode = os.environ.get("NOTEBOOKS", "force")
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_execution_show_tb = True

html_theme = "furo"
html_title = f"Pellucid {version}"
html_static_path = ["_static"]
html_css_files = ["pellucid.css"]
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False
html_show_search_summary = False  # a browser does not fetch pages from disk
html_theme_options = {"navigation_with_keys": True, "top_of_page_buttons": []}
pygments_style = "friendly"
pygments_dark_style = "github-dark"
