"""Documents to token shards: train and read tokenizers, encode with the fastest exact library, report fertility, exchange token files."""
