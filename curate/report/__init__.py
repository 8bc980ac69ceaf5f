"""What a run did, for people: figures gathered task by task, `report.json`, an HTML page, a dataset card."""
