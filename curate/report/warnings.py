"""Warnings about figures that the user of a run cannot have intended: a pure function of the report."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from curate.languages.table import full_code

_LEAST_KEPT = 0.2
_MOST_BY_ONE_RULE = 0.5
_LEAST_FOREIGN = 0.05
"""Identifiers err on a few documents of any corpus."""
_LEAST_BY_WEB_RULES = 0.3
_MOST_NOT_TEXT = 0.5
_NOT_TEXT = {
    "markup": "begin with a tag: they are XML or HTML, read as if it were text; `format: html` on that input extracts the content of pages "
    "(`extract` says how), other XML must be turned into text before",
    "json": "are JSON, read as if it were text; `format: json` or `format: jsonl` on that input reads it, `text_column` says which key holds the text",
}
_NAMED = 5
"""Languages that a warning names."""
_NO_LANGUAGE = {"", "zxx", "und", "mul"}


def warnings(report: dict[str, Any]) -> list[dict[str, str]]:
    """Warnings of a run, most serious first: `kind`, `text`, and `rule`, whose dropped documents are worth a look, or "".

    Reads `counts`, `rules`, `funnel`, `languages`, `hosts`, `rule_sets`, `sources`, `looks_like` and `asked`. A report without documents gives one warning.
    """
    if report["counts"]["read"] == 0:
        return [{"kind": "nothing_read", "text": "no document was read: look at `inputs`", "rule": ""}]
    all_warnings = [*_little_kept(report), *_not_text(report), *_one_rule(report), *_foreign(report), *_web_rules(report), *_held_out(report)]
    named = {warning["rule"] for warning in all_warnings if warning["kind"] in ("nothing_kept", "little_kept")}
    return [warning for warning in all_warnings if warning["kind"] != "one_rule" or warning["rule"] not in named]


def command(warning: dict[str, str], out: Path | str) -> str:
    """The command that shows the documents a warning is about, or ""."""
    return f"curate sample --run {out} --dropped-by {warning['rule']}" if warning["rule"] else ""


def _warning(kind: str, text: str, rule: str = "") -> dict[str, str]:
    return {"kind": kind, "text": text, "rule": rule}


def _little_kept(report: dict[str, Any]) -> Iterator[dict[str, str]]:
    counts = report["counts"]
    n_kept, n_read = counts["kept"] + counts["held_out"], counts["read"]
    if n_kept >= _LEAST_KEPT * n_read:
        return
    first = max(report["rules"], key=lambda row: row["documents"], default=None)
    why = f"; {first['rule']} drops {first['documents']:,} of {n_read:,}" if first else ""
    rule = first["rule"] if first else ""
    if n_kept == 0:
        yield _warning("nothing_kept", f"NOTHING IS KEPT{why}", rule)
    else:
        yield _warning("little_kept", f"only {n_kept / n_read:.1%} of the documents are kept{why}", rule)


def _not_text(report: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Sources of which most documents are markup or JSON, read as if they were text."""
    for kind, by_source in report["looks_like"].items():
        for source, n in by_source.items():
            n_read = report["sources"][source]["read"]
            if n >= _MOST_NOT_TEXT * n_read:
                yield _warning(f"is_{kind}", f"{n:,} of {n_read:,} documents of {source} {_NOT_TEXT[kind]}")


def _one_rule(report: dict[str, Any]) -> Iterator[dict[str, str]]:
    n_read = report["counts"]["read"]
    for row in sorted(report["rules"], key=lambda row: -row["documents"]):
        if row["documents"] > _MOST_BY_ONE_RULE * n_read:
            yield _warning("one_rule", f"{row['rule']} by itself drops {row['documents'] / n_read:.1%} of the documents", row["rule"])


def _foreign(report: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Rule sets that judge documents in languages they were not made for. Documents that `language.keep` drops do not count."""
    asked = {full_code(code) for code in report["asked"]["languages"]}
    judged = {code: n for code, n in report["languages"].items() if code not in _NO_LANGUAGE and (not asked or full_code(code) in asked)}
    for made_for in sorted({tuple(rules["languages"]) for rules in report["rule_sets"] if rules["languages"]}):
        names = [rules["name"] for rules in report["rule_sets"] if tuple(rules["languages"]) == made_for]
        home = {full_code(code) for code in made_for}
        foreign = {code: n for code, n in judged.items() if full_code(code) not in home}
        share = sum(foreign.values()) / max(sum(judged.values()), 1)
        if share >= _LEAST_FOREIGN:
            shown = ", ".join(f"{code} {n:,}" for code, n in list(foreign.items())[:_NAMED]) + (", …" if len(foreign) > _NAMED else "")
            yield _warning(
                "foreign_languages",
                f"{share:.1%} of the documents are in other languages ({shown}) than {', '.join(made_for)}, for which {', '.join(names)} "
                f"{'was' if len(names) == 1 else 'were'} made; `rules: [fineweb2]` with `words: auto` goes by each document's language, "
                f"`curate calibrate` makes a set for one more, `language: {{keep: [{', '.join(made_for)}]}}` leaves the others out",
            )


def _web_rules(report: dict[str, Any]) -> Iterator[dict[str, str]]:
    names = [rules["name"] for rules in report["rule_sets"] if rules["web_pages"]]
    dropped = sum(row["documents"] for row in report["funnel"] if row["stage"] == "rules" and row["rule"].split("/")[0] in names)
    # Documents with addresses come from the web, where such a share is normal.
    if report["hosts"] == 0 and names and dropped >= _LEAST_BY_WEB_RULES * report["counts"]["read"]:
        yield _warning(
            "web_rules",
            f"{', '.join(names)} drop {dropped / report['counts']['read']:.1%} of the documents; these rules are made for web pages: for books, "
            "Markdown, textbooks, statutes and contracts in English use `rules: [prose]`",
        )


def _held_out(report: dict[str, Any]) -> Iterator[dict[str, str]]:
    if report["asked"]["held_out"] and report["counts"]["held_out"] == 0 and report["counts"]["kept"] > 0:
        yield _warning("nothing_held_out", f"held_out comes to nothing: share {report['asked']['held_out']:g} of {report['counts']['kept']:,} kept documents")
