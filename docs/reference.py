"""Two directives, so that the reference is written by the code that it is about.

`{commands}` lists every command of the command line with its arguments and options.
`{fields} bench.spec.Recipe` lists the fields of a class: type, default and meaning.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
from collections.abc import Iterator
from typing import Any

import msgspec
import typer
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import SphinxDirective

from bench.cli import app

PROGRAM = "manyseeds"
ABSENT = (msgspec.NODEFAULT, dataclasses.MISSING)


class Commands(SphinxDirective):
    """Every command in the order of `--help`: a section each, its words as the help has them."""

    def run(self) -> list[nodes.Node]:
        """The sections."""
        group: Any = typer.main.get_command(app)
        text = "\n".join(line for each in group.commands.values() for line in told(each))
        return self.parse_text_to_nodes(text, allow_section_headings=True)


def told(command: Any) -> Iterator[str]:
    """Markdown of one command."""
    words = f"{PROGRAM} {command.name}"
    with command.make_context(words, [], resilient_parsing=True) as context:
        usage = command.get_usage(context).removeprefix("Usage: ")
        yield from (f"## {command.name}", "", inspect.cleandoc(command.help), "")
        yield from ("```text", usage, "```", "", f"```{{program}} {words}", "```", "")
        for parameter in command.params:
            name, meaning = parameter.get_help_record(context)
            yield from (f"````{{option}} {name}", meaning, "````", "")


class Fields(SphinxDirective):
    """The fields of the class in the argument: a msgspec Struct or a dataclass."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The class with its docstring, and an entry for each field."""
        module, _, name = self.arguments[0].rpartition(".")
        kind = getattr(importlib.import_module(module), name)
        self.env.note_dependency(inspect.getfile(kind))
        comments = ModuleAnalyzer.for_module(module).find_attr_docs()
        lines = [f"`````{{py:class}} {self.arguments[0]}", "", inspect.getdoc(kind) or "", ""]
        for field, default in defaults(kind).items():
            lines += [f"````{{py:attribute}} {field}", f":type: {kind.__annotations__[field]}"]
            lines += [f":value: {json.dumps(default)}"] if default else []  # as YAML
            lines += ["", " ".join(comments.get((name, field), [])), "````", ""]
        return self.parse_text_to_nodes("\n".join((*lines, "`````")))


def defaults(kind: Any) -> dict[str, str]:
    """Each field's name -> its default as it would be typed; "" for a field that must be given."""
    is_plain = dataclasses.is_dataclass(kind)
    found: Any = dataclasses.fields(kind) if is_plain else msgspec.structs.fields(kind)
    return {field.name: _default(field) for field in found}


def _default(field: Any) -> str:
    if field.default not in ABSENT:
        value = field.default
    elif field.default_factory not in ABSENT:
        value = field.default_factory()
    else:
        return ""
    fields = isinstance(value, msgspec.Struct) or dataclasses.is_dataclass(value)
    return f"{type(value).__name__}()" if fields else repr(value)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_directive("commands", Commands)
    app.add_directive("fields", Fields)
    return {"parallel_read_safe": True}
