"""What the workers of `curate run` have in common, loaded once in the server that they are forked from: only that server imports this module.

Libraries, models and compiled kernels are loaded by measuring a page of text, as the first task of every worker would. Nothing here may
start polars' threads, which no fork would have.
"""

import json
import warnings
from contextlib import closing, suppress

from shards.imports import modules_hidden

# What pyarrow and numba look for but workers don't need: half a second.
with warnings.catch_warnings(), modules_hidden(["pandas", "awkward"]):
    warnings.simplefilter("ignore")
    import curate.cli  # the main module of the command, which every worker imports
    import curate.pipeline.decide
    import curate.pipeline.write  # noqa: F401
    from curate.pipeline.measure import MeasureJob, measure_task
    from curate.read.files import list_files
    from curate.read.tasks import cut_tasks
    from curate.recipe import CurateRecipe
    from shards.scratch import Scratch

    # Of every shape, so that each kernel is called; only spaCy itself can tell the words of `): D`.
    _TEXT = "It isn\u2019t “all” there is (x): Dots… See https://example.org/a-b or mail to nobody@example.org, 192.0.2.1, +1 202-555-0100.\n\n- one\n" * 9

    def _measure_a_page() -> None:
        with closing(Scratch()) as scratch:
            folder = scratch.folder
            page = folder / "page.jsonl"
            page.write_text("".join(json.dumps({"text": text, "url": "https://example.org/"}) + "\n" for text in (_TEXT, _TEXT + "Ünlike.")), encoding="utf-8")
            # Repair and the search for keys are left out: they run in polars.
            recipe = CurateRecipe.model_validate(
                {
                    "name": "page",
                    "unicode": "off",
                    "inputs": [{"path": str(page)}],
                    "rewrite": {"c4": {}, "pii": {"kinds": ["email", "ip", "phone", "card", "iban"]}},
                    "dedup": {"minhash": {}},
                }
            )
            for task in cut_tasks(list_files(recipe.inputs)[0]):
                measure_task(MeasureJob(str(folder / "work"), task, recipe))

    with suppress(Exception):  # a worker that has the same trouble says so in its own words
        _measure_a_page()
