"""What a page about adding to the code shows, done to a copy of the package."""

import os
import re
import shutil
import textwrap
from pathlib import Path

from tests.docs.guides import ROOT

HOW_TO = ROOT / "docs" / "how-to"


def shown(page: str, language: str = "python") -> list[tuple[str, str]]:
    """First line, without its `# `, and the rest of each fenced block of `docs/how-to/PAGE.md`, indented ones too."""
    text = (HOW_TO / f"{page}.md").read_text()
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```", text, re.DOTALL | re.MULTILINE)
    return [(head.removeprefix("# "), rest) for _, block in found for head, _, rest in [textwrap.dedent(block).partition("\n")]]


def package_with(page: str, folder: Path) -> dict[str, str]:
    """`folder`/curate: the package, changed as the page says. Returns the environment to run it with.

    Files that the page does not change are links, so that their compiled kernels are found.
    """
    ignored = shutil.ignore_patterns("*.pyc")
    shutil.copytree(ROOT / "curate", folder / "curate", copy_function=os.symlink, ignore=ignored)
    for head, text in shown(page):
        name = head.removeprefix("in ")
        path = folder / name
        if name == head:
            assert not path.exists(), f"{page}: {name} already exists"
        else:
            text = _inserted(path.read_text(), text, f"{page}: {name}")
            path.unlink()
        if name.startswith("curate/"):
            path.write_text(text)
    return {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", "PYTHONSAFEPATH": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def _inserted(text: str, block: str, where: str) -> str:
    """The text with the new lines of a block, each after the line above it; the block's first line and maybe others are lines of the text."""
    lines, index = text.splitlines(), 0
    for number, line in enumerate(block.splitlines()):
        if line and line in lines[index:]:
            index = lines.index(line, index) + 1
            continue
        assert number, f"{where}: the file has no line `{line}` to insert the others after"
        lines.insert(index, line)
        index += 1
    return "\n".join(lines) + "\n"
