"""Jinja templates of tasks: sandboxed, with every name checked before a run begins."""

import difflib
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

import jinja2
from jinja2 import meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from curate.errors import CurateError


@lru_cache(maxsize=1)
def _environment() -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False)


@lru_cache(maxsize=256)
def _compiled(source: str) -> jinja2.Template:
    return _environment().from_string(source)


def check_template(where: str, source: str, names: Collection[str], attributes: Mapping[str, Collection[str]]) -> None:
    """Raise CurateError for a template that is not valid Jinja, reads a name outside `names`, or an attribute missing from `attributes[name]`.

    Names without an entry in `attributes` may have any attribute.
    """
    try:
        tree = _environment().parse(source)
        _compiled(source)
    except jinja2.TemplateSyntaxError as error:
        raise CurateError(f"{where}: line {error.lineno} is not valid Jinja ({error.message})") from None
    for name in sorted(meta.find_undeclared_variables(tree) - set(names) - set(_environment().globals)):
        raise CurateError(f"{where}: undefined field {name!r}; {_hint(name, names)}")
    for node in tree.find_all(nodes.Getattr):
        if isinstance(node.node, nodes.Name) and node.node.name in attributes and node.attr not in attributes[node.node.name]:
            known = attributes[node.node.name]
            raise CurateError(f"{where}: undefined field {node.node.name}.{node.attr}; {_hint(node.attr, known)}")


def _hint(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else f"known fields: {', '.join(sorted(known)) or 'none'}"


def render(where: str, source: str, values: Mapping[str, Any]) -> str:
    """The filled-in template, stripped. Raises CurateError that names `where` if it fails or `values` lack a field."""
    try:
        return _compiled(source).render(values).strip()
    except jinja2.UndefinedError as error:
        raise CurateError(f"{where}: {error.message}; write {{{{ field | default('') }}}} for a field that some documents lack") from None
    except jinja2.exceptions.SecurityError as error:
        raise CurateError(f"{where}: not allowed in a template ({error})") from None
    except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError, OverflowError) as error:
        raise CurateError(f"{where}: the template fails ({type(error).__name__}: {error})") from None
