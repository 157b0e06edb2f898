"""The way back from a page of source to the entry.

viewcode supposes that all names of a module are exported from one place; ours come from `pellucid` and from its rooms.
"""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

BACK = re.compile(r'<a class="viewcode-back" href="(?P<page>[^"#]*)#(?P<name>[^"]*)">.*?</a>')


def mend(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Let each link back lead to the entry, and leave it out where there is none."""
    if not pagename.startswith("_modules/") or "body" not in context:
        return
    entries = app.env.domains.python_domain.objects

    def right(found: re.Match[str]) -> str:
        parts = found["name"].split(".")
        for start in range(1, len(parts)):
            for name, entry in entries.items():
                fits = name.endswith("." + ".".join(parts[start:])) and name.startswith("pellucid.")
                if fits and found["page"].endswith(f"{entry.docname}.html"):
                    return found[0].replace(f"#{found['name']}", f"#{name}")
        return ""

    context["body"] = BACK.sub(right, context["body"])


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect after viewcode."""
    app.connect("html-page-context", mend)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
