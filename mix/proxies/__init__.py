"""Experiments that show how losses depend on the mix: designed, written as recipes, run by the project's commands, gathered into a table of runs."""
