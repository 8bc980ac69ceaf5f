"""Rule sets of tests."""

from pathlib import Path


def rule_file(folder: Path, rules: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(f"name: mine\ndialect: own\nsource: nowhere\nrules:\n{rules}")
    return path
