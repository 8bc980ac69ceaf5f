"""What is decided: sets of named rules over signals, as YAML files. Rules never see text."""
