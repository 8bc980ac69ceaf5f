"""Probes of what continued pre-training breaks: degeneration, language confusion, copying, in-context learning, chat format, drift, calibration, low bits."""
