"""From documents to token shards: training and reading tokenizers, the fastest exact encoder, fertility reports."""
