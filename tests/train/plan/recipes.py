"""Recipes to plan."""

from train.recipe import TrainRecipe


def recipe_of(folder, **changes):
    return TrainRecipe.model_validate({"name": "b", "model": str(folder), "mix": "none", "precision": "bf16", "batch_rows": 64} | changes)
