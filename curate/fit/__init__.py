"""How models that score documents are made: classifiers, importance weights, KenLM, and thresholds by language."""
