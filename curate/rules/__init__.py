"""Rule sets: named rules over signals, in YAML files. Rules never see text."""
