"""Changes to texts: Unicode repair, C4's line rules, personal data, removed ranges."""
