import json
import random

import pytest

from eval.errors import EvalError
from eval.report.content import build_content
from eval.report.read import read_inputs
from eval.report.recipe import ReportRecipe
from shards.record import sealed


def places(value, path=()):
    """Paths to everything in parsed JSON."""
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from places(child, (*path, key))


def edited(content, path, replacement):
    """`content` with another value at `path`; `places` gave it, and the first is the whole."""
    content = json.loads(json.dumps(content))
    *parents, last = path
    inner = content
    for key in parents:
        inner = inner[key]
    if replacement is ...:
        del inner[last]
    else:
        inner[last] = replacement
    return content


@pytest.mark.parametrize("name", ["scores/summary.json", "curate/domain/report.json", "mix/replay/preview.json", "train/replay/run.json"])
def test_an_edited_figure_is_refused_by_name_or_shown_and_never_ends_in_the_middle_of_the_page(fields, tmp_path, name):
    path = tmp_path / name
    content = {key: value for key, value in json.loads(path.read_text()).items() if key != "checksum"}
    values = [None, -1, 2**70, "x", [], {}, ...]
    edits = [(place, value) for place in places(content) if place for value in values]
    chosen = random.Random(0).sample(edits, min(150, len(edits)))
    recipe = ReportRecipe.model_validate(fields)
    refused = 0
    for place, value in chosen:
        path.write_bytes(sealed(edited(content, place, value)))
        try:
            build_content(recipe, read_inputs(recipe))
        except EvalError as error:
            assert path.name in str(error) and "\n" not in str(error)
            refused += 1
    assert refused > len(chosen) // 4
