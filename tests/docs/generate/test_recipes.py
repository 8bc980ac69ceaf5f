"""Recipe models become tables that say what may be written, in plain words."""

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field
from pymdownx.slugs import slugify

from docs.generate.recipes import escaped, recipe_sections, slug
from shards.amounts import Bytes, Tokens
from shards.recipe import Recipe


class Fast(Recipe):
    """Quick."""

    kind: Literal["fast"]
    speed: float = Field(1e-5, gt=0)
    """Metres a second."""


class Slow(Recipe):
    """Thorough."""

    kind: Literal["slow"]
    memory: Bytes = 16 << 20
    """Memory; `a|b` and <c> are shown as written."""


class Toy(Recipe):
    """What the toy does."""

    name: str
    """Its name."""
    ways: dict[str, Annotated[Fast | Slow, Field(discriminator="kind")]] = {}
    """How."""
    first: Slow | None = None
    """Before the others."""
    sizes: tuple[Annotated[int, Field(ge=1, le=9)], ...] = (1, 2)
    """Sizes."""
    mode: Literal["a", "b"] | None = None
    """Mode."""
    budget: Tokens | None = None
    """Tokens."""
    out: Path = Field(default=Path("o"), exclude=True)
    """Folder."""


PAGE = recipe_sections(Toy, "Keys")


@pytest.mark.parametrize(
    "row",
    [
        "| `name` | text; required | Its name. |",
        "| `ways` | mapping of names to [kind fast](#waysname-of-kind-fast) or [kind slow](#waysname-of-kind-slow); default `{}` | How. |",
        "| `first` | [kind slow](#waysname-of-kind-slow) or `null`; default `null` | Before the others. |",
        "| `sizes` | list of whole numbers from 1 to 9; default `[1, 2]` | Sizes. |",
        "| `mode` | `a`, `b` or `null`; default `null` | Mode. |",
        "| `budget` | amount of tokens or `null`; default `null` | Tokens. |",
        "| `out` ° | path; default `o` | Folder. |",
        "| `kind` | `fast`; required | Selects what this section describes. |",
        "| `speed` | number above 0; default `1e-05` | Metres a second. |",
        "| `memory` | amount of bytes; default `16MiB` | Memory; <code>a&#124;b</code> and &lt;c> are shown as written. |",
    ],
)
def test_each_key_has_a_row(row):
    assert row in PAGE.splitlines()


def test_a_model_that_two_keys_take_is_described_once():
    assert [line for line in PAGE.splitlines() if line.startswith("#")] == ["## Keys", "### `ways.NAME` of kind `fast`", "### `ways.NAME` of kind `slow`"]


def test_defaults_of_nested_recipes_are_written_as_a_recipe_would():
    class Rule(Recipe):
        """A rule."""

        name: str

    class Rules(Recipe):
        """Rules."""

        rules: tuple[Rule, ...] = (Rule(name="one"), Rule(name="two"))

    assert "default `[one, two]`" in recipe_sections(Rules, "Keys")


@pytest.mark.parametrize("title", ["`dedup.minhash`", "`models` of kind `causal_lm`", "report.json of `curate run`", "C4, the rules: 1.5 GB"])
def test_anchors_are_those_of_the_site(title):
    assert slug(title) == slugify(case="lower")(title.replace("`", ""), "-")


def test_prose_in_a_cell_stays_on_one_line_and_in_its_cell():
    assert escaped("a *b*\n  [c](d) | e `f*`") == r"a \*b\* \[c\](d) &#124; e `f*`"
