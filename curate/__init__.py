"""Curation: raw text in; documents, verdicts, signals and a report out."""
