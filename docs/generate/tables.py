"""Tables of the reference that come from tables in the code: readable formats, signals, rule sets, reweighting rules."""

import inspect
import re

from curate.extract.html import EXTRACTORS
from curate.read.content.decompress import COMPRESSIONS
from curate.read.formats import FORMATS, NO_TEXT
from curate.rewrite.pii.kinds import PII_KINDS
from curate.rules.ruleset import load_rules, shipped_rules
from curate.signals.groups import DEFAULT_GROUPS, GROUPS
from curate.synthesize.task import load_task, shipped_tasks
from docs.generate.recipes import escaped


def formats() -> str:
    """Every readable format: suffixes, what becomes a document, and the keys of an input that apply to it."""
    rows = []
    for name, kind in FORMATS.items():
        suffixes = " ".join(f"`{suffix}`" for suffix in kind.suffixes)
        suffixes = suffixes or {"text": "every suffix not listed here"}.get(name, f"none; only with `format: {name}`")
        rows.append(f"| {suffixes} | `{name}` | {kind.document} | {' '.join(f'`{key}`' for key in kind.keys)} |")
    table = "\n".join(["| suffix | format | a document is | keys that apply |", "|---|---|---|---|", *rows])
    compressed = f"Each of these may be compressed as {' '.join(f'`{suffix}`' for suffix in COMPRESSIONS)}, except Parquet and Arrow, which compress inside."
    skipped = f"Files with these suffixes hold no text; a folder or pattern skips and counts them: {' '.join(f'`{suffix}`' for suffix in sorted(NO_TEXT))}."
    return "\n\n".join((table, compressed, skipped))


def extractors() -> str:
    """Every extractor with what it gives."""
    return "\n".join(["| `extract` | result |", "|---|---|", *(f"| `{name}` | {extractor.about} |" for name, extractor in EXTRACTORS.items())])


def pii_kinds() -> str:
    """Every kind of personal data: what counts as one, and its placeholder."""
    rows = [f"| `{name}` | {kind.about} | `{kind.placeholder}` |" for name, kind in PII_KINDS.items()]
    return "\n".join(["| kind | what counts | placeholder |", "|---|---|---|", *rows])


def signals() -> str:
    """Every group of signals with the descriptions of what its functions measure."""
    parts = []
    for group, functions in GROUPS.items():
        parts.append(
            f"### {group}\n\n{'Always measured.' if group in DEFAULT_GROUPS else 'Measured when a rule set reads it, or with `signals: [' + group + ']`.'}"
        )
        parts += [_paragraphs(inspect.getdoc(function) or "") for function in functions]
    return "\n\n".join(parts)


def tasks() -> str:
    """Every shipped task of `curate synthesize`."""
    shipped = [load_task(name) for name in shipped_tasks()]
    rows = [
        f"| `{task.name}` | {'rules' if task.prompt is None else 'a model'} | {escaped(task.description)} | {' '.join(f'`{name}`' for name in task.options)} |"
        for task in shipped
    ]
    return "\n".join(["| task | answered by | what it makes | options |", "|---|---|---|---|", *rows])


def rule_sets() -> str:
    """Every shipped rule set with its rules."""
    parts = []
    for rules in map(load_rules, shipped_rules()):
        about = [f"Dialect: {rules.dialect}. {escaped(rules.source)}", escaped(rules.about)]
        needs = f"Needs `{rules.needs}` in the recipe." if rules.needs else ""
        rows = [f"| `{rule.name}` | {_condition(rule.value, rule.drop_if, rule.threshold)} | {f'`{rule.when}`' if rule.when else ''} |" for rule in rules.rules]
        table = "\n".join(["| rule | drops a document if | where |", "|---|---|---|", *rows])
        parts.append("\n\n".join(part for part in (f"## {rules.name}", *about, needs, table) if part))
    return "\n\n".join(parts)


def _condition(value: str, drop_if: str, threshold: float | str) -> str:
    limit = f"{threshold:g}" if isinstance(threshold, float) else f"the `{threshold}` of the document's language"
    return f"`{value}` {drop_if.replace('<', '&lt;')} {limit}"


def _paragraphs(text: str) -> str:
    return "\n\n".join(_list(paragraph) if paragraph.startswith("- ") else escaped(paragraph) for paragraph in re.split(r"\n\s*\n", text))


def _list(paragraph: str) -> str:
    return "\n".join(f"- {escaped(item)}" for item in re.split(r"^- ", paragraph, flags=re.MULTILINE)[1:])
