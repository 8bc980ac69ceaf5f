"""Designs the experiments that laws are fitted on, writes their recipes, and runs them."""
