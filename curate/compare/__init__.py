"""All documents at once: what takes the whole collection to decide. One decider a file; `deciders.py` lists them."""
