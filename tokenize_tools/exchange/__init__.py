"""Token shards in the formats of other trainers: out to five, in from three. One file a format, buffers in and buffers out."""
