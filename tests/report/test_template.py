"""The filler of the page: text is escaped, values are never read as a template, and what is missing is told."""

from __future__ import annotations

import json
import re

import pytest

from pellucid.report import html_report, page
from pellucid.report.template import Markup, asset, fill, script_data

BAD = "<b onclick=\"x\">{{{name}}} {{#list}} & 'q'\x1b"


def test_text_is_escaped_and_signs_that_are_not_seen_are_written_out():
    assert fill("<p title='{{text}}'>{{text}}</p>", {"text": "<a \"b\" 'c' &\u202e"}) == (
        "<p title='&lt;a &quot;b&quot; &#x27;c&#x27; &amp;\\u202e'>&lt;a &quot;b&quot; &#x27;c&#x27; &amp;\\u202e</p>"
    )


def test_a_value_is_never_read_as_a_template():
    values = {"name": BAD, "list": [BAD, "{{name}}"], "svg": Markup("<i>{{name}}</i>")}
    filled = fill("{{name}}|{{#list}}{{.}};{{/list}}|{{{svg}}}", values)

    once = "&lt;b onclick=&quot;x&quot;&gt;{{{name}}} {{#list}} &amp; &#x27;q&#x27;\\x1b"
    assert filled == f"{once}|{once};{{{{name}}}};|<i>{{{{name}}}}</i>"


def test_only_markup_is_let_through_as_it_is():
    with pytest.raises(TypeError, match="text is no Markup"):
        fill("{{{text}}}", {"text": "<b>"})


def test_blocks_are_written_once_for_each_item_once_for_what_is_there_and_otherwise_not():
    template = "{{title}}:{{#rows}}[{{name}}{{#cells}} {{.}}{{/cells}} of {{title}}]{{/rows}}{{^rows}}none{{/rows}}"
    rows = [{"name": "a", "cells": [1, 2]}, {"name": "b", "cells": [], "title": "own"}]

    assert fill(template, {"title": "t", "rows": rows}) == "t:[a 1 2 of t][b of own]"
    assert fill(template, {"title": "t", "rows": []}) == "t:none"
    assert fill("{{#a}}yes{{/a}}{{^a}}no{{/a}}", {"a": True}) == "yes"
    assert [fill("{{#a}}yes{{/a}}{{^a}}no{{/a}}", {"a": a}) for a in (False, None, "")] == ["no"] * 3
    assert fill("{{#part}}{{x}}{{/part}}", {"part": {"x": 0}}) == "0"


def test_a_name_that_is_not_given_is_told():
    with pytest.raises(KeyError, match="nme"):
        fill("{{nme}}", {"name": "a"})
    with pytest.raises(KeyError, match="nme"):
        fill("{{#nme}}{{/nme}}", {"name": "a"})


def test_data_for_a_script_cannot_leave_it():
    written = script_data({"</script>": ["<!--", "&", BAD]})

    assert not re.search("[<>&]", written)
    assert json.loads(written)["</script>"][:2] == ["<!--", "&"]


def test_the_page_uses_every_value_that_it_is_given(run, blobs, monkeypatch):
    given = {}
    monkeypatch.setattr(page, "fill", lambda template, values: given.update(values) or "")
    html_report(run[0], blobs, history=run[1])

    def names(values):
        for key, value in values.items():
            yield key
            inner = [value] if isinstance(value, dict) else value if isinstance(value, list) else []
            for item in inner:
                yield from names(item) if isinstance(item, dict) else ()

    placed = set(re.findall(r"\{\{[{#^/]?(\w+)\}", asset("page.html")))
    assert placed == set(names(given))
