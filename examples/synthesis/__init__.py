"""How much mined text helps: a sweep over its share."""
