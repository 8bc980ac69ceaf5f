"""Token shards in the formats of other trainers: five for export, three for import. One file per format; no Python object per document."""
