"""What all workers of `curate run` need, loaded once in the process that they are forked from. Only that process imports this module.

Measuring a page of text loads libraries, models and compiled kernels, as the first task of each worker would. Nothing here may start
the threads of polars: forked processes would not have them.
"""

import json
import warnings
from contextlib import closing, suppress

from shards.imports import modules_hidden

# pyarrow and numba import these if they can; workers don't need them, and they take half a second.
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

    # Text of every shape, so that each kernel is called; the words of `): D` need spaCy itself.
    _TEXT = "It isn\u2019t “all” there is (x): Dots… See https://example.org/a-b or mail to nobody@example.org, 192.0.2.1, +1 202-555-0100.\n\n- one\n" * 9

    def _measure_a_page() -> None:
        with closing(Scratch()) as scratch:
            folder = scratch.folder
            page = folder / "page.jsonl"
            page.write_text("".join(json.dumps({"text": text, "url": "https://example.org/"}) + "\n" for text in (_TEXT, _TEXT + "Ünlike.")), encoding="utf-8")
            # Unicode repair and the search for keys are off: they run in polars.
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

    with suppress(Exception):  # a worker with the same problem reports it
        _measure_a_page()
