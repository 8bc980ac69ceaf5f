"""How much mined text helps: a sweep of its share."""
