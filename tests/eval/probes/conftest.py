"""Recipes of probes over tiny untrained models."""

import pytest

from eval.probes.recipe import ProbesRecipe
from tests.eval.conftest import GENERAL, save_documents

SMALL = {
    "generation": {"prompts": 18, "prompt_bytes": 20, "tokens": 16},
    "copying": {"sequences": 18, "length": 12},
    "in_context": None,
    "chat": None,
    "calibration": {"max_documents": 20, "bytes_per_document": 100},
}


@pytest.fixture
def probes(tmp_path, model_folders):
    def build(**changes):
        fields = {
            "name": "test",
            "models": {name: model_folders[name] for name in ("base", "adapted")},
            "baseline": "base",
            "domains": {"general": {"documents": save_documents(tmp_path / "general", [text * 3 for text in GENERAL]), "clusters": "none"}},
            "n_resamples": 300,
            "threads": 1,
            "out": tmp_path / "probes",
            **SMALL,
        }
        return ProbesRecipe.model_validate(fields | changes)

    return build
