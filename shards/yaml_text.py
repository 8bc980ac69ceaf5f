"""YAML without surprises: the core schema of YAML 1.2, in which `no`, `off`, `1:30`, `2024-01-31` and `010` are not booleans, times or octals.

    true, True, TRUE, false, …     booleans; nothing else is
    null, Null, NULL, ~, nothing   null
    12, -3, 1_000_000, 0x1F, 0o17  whole numbers of at most 64 bits
    1.5, 1e5, .inf, .nan           numbers
    all else                       text, as it was written

Keys of mappings are always text. A key that appears twice in a mapping is an error, where PyYAML silently takes the last. Anchors, aliases and
merges (`<<`) work as in YAML 1.1.
"""

import re
from typing import Any

import yaml

_TAG = "tag:yaml.org,2002:"
_MAX_VALUES = 1_000_000  # aliases of aliases let a few lines stand for billions
_MAX_DEPTH = 200  # composing recurses in C, where 40,000 open brackets overflow the stack and end the process
_LARGEST = 1 << 64


class YamlError(Exception):
    """A text that is not YAML; one line, with the line number of the fault."""


class _Composer(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Text to nodes whose tags follow the core schema. Uses C where PyYAML was built with it, ten times as fast."""

    yaml_implicit_resolvers: dict[str, Any] = {}


class _Dumper(yaml.SafeDumper):
    """Quotes text that this reader, or one of YAML 1.1, would read as something else."""


for _name, _pattern, _first in (
    ("bool", "true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", "null|Null|NULL|~|", ["n", "N", "~", ""]),
    ("int", "[-+]?[0-9][0-9_]*|0x[0-9a-fA-F]+|0o[0-7]+", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", "-+.0123456789"),
    ("merge", "<<", "<"),
):
    for _class in (_Composer, _Dumper):
        _class.add_implicit_resolver(_TAG + _name, re.compile(f"(?:{_pattern})\\Z"), list(_first))


def load_yaml(text: str) -> Any:
    """The value of a YAML text; None if it is empty. Raises YamlError."""
    loader = None
    try:
        _check_depth(text)
        loader = _Composer(text)
        node = loader.get_single_node()
        return None if node is None else _Values().of(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError(_with_line(text, mark.line, error) if mark else " ".join(str(error).split())) from None
    except (yaml.YAMLError, UnicodeError) as error:
        raise YamlError(" ".join(str(error).split())) from None
    except RecursionError:
        raise YamlError("lists and mappings are nested too deeply") from None
    finally:
        if loader is not None:
            loader.dispose()


def _check_depth(text: str) -> None:
    """Raise YamlError for deep nesting; parsing into events does not recurse, and stops at the limit."""
    if sum(map(text.count, "[{-?:")) <= _MAX_DEPTH:  # each level takes one of these
        return
    depth = 0
    for event in yaml.parse(text, Loader=_Composer):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_DEPTH:
            raise YamlError("lists and mappings are nested too deeply")


def dump_yaml(value: Any, **options: Any) -> str:
    """The value as YAML that `load_yaml` reads back, in the order of its keys. `options` are those of `yaml.dump`."""
    return str(yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, **options))


def _with_line(text: str, line: int, error: yaml.MarkedYAMLError) -> str:
    """The line number, the fault, and a note if the line is indented with a tab, which looks like the required spaces."""
    shown = text.splitlines()[line : line + 1]
    is_tab = shown and "\t" in shown[0][: len(shown[0]) - len(shown[0].lstrip())]
    return f"line {line + 1}: {error.problem or error.context}" + ("; the line is indented with a tab, use spaces" if is_tab else "")


class _Values:
    """Nodes to values. Each alias becomes a value of its own, so that changing one changes no other."""

    def __init__(self) -> None:
        self._n_values = 0
        self._open: set[int] = set()

    def of(self, node: yaml.Node) -> Any:
        """The value of a node and everything below it."""
        self._n_values += 1
        if self._n_values > _MAX_VALUES:
            raise _error(node, f"more than {_MAX_VALUES:,} values, aliases counted each time")
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        if id(node) in self._open:
            raise _error(node, "an alias refers to a value that contains it")
        if node.tag not in (_TAG + "map", _TAG + "seq"):
            raise _error(node, f"the tag {node.tag.replace(_TAG, '!!')} is not supported; remove it")
        self._open.add(id(node))
        try:
            return [self.of(inner) for inner in node.value] if isinstance(node, yaml.SequenceNode) else self._mapping(node)
        finally:
            self._open.discard(id(node))

    def _mapping(self, node: yaml.Node) -> dict[str, Any]:
        values: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _error(key, "a key must be plain text, not a list or a mapping")
            if key.tag == _TAG + "merge":
                for other in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                    if not isinstance(other, yaml.MappingNode):
                        raise _error(other, "<< takes a mapping, or a list of mappings")
                    merged = self.of(other) | merged
            elif key.value in values:
                raise _error(key, f"the key {key.value} appears twice; remove one")
            else:
                values[key.value] = self.of(value)
        return merged | values


def _scalar(node: yaml.ScalarNode) -> Any:
    text, kind = node.value, node.tag.removeprefix(_TAG)
    try:
        if kind == "int":
            return _whole_number(node, text.replace("_", "").lower())
        if kind == "float":
            return float(text.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan"))
    except ValueError:
        raise _error(node, f"{text[:40]} is not a number") from None
    if kind == "bool":
        return text.lower() == "true"
    if kind == "null":
        return None
    if kind in ("str", "merge"):
        return text
    raise _error(node, f"the tag {node.tag.replace(_TAG, '!!')} is not supported; remove it")


def _whole_number(node: yaml.ScalarNode, text: str) -> int:
    if len(text) > 40:
        raise _error(node, "a whole number of more than 64 bits; put it in quotes if it is text")
    number = int(text, 16) if text.startswith("0x") else int(text[2:], 8) if text.startswith("0o") else int(text)
    if not -_LARGEST // 2 <= number < _LARGEST:
        raise _error(node, "a whole number of more than 64 bits; put it in quotes if it is text")
    return number


def _error(node: yaml.Node, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
