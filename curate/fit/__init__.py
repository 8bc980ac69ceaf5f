"""Training of the models that score documents: classifiers, importance weights, KenLM; and calibration of rule sets."""
