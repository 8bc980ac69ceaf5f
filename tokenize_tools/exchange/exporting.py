"""`tokenize export`: writes a tokens set in another program's format."""

import logging
from pathlib import Path
from typing import Any

from shards import console
from shards.folder import output_folder
from shards.read import ShardSet
from tokenize_tools.errors import TokenizeError
from tokenize_tools.exchange import datatrove, litdata, mds, megatron, olmo
from tokenize_tools.exchange.documents import token_dtype
from tokenize_tools.exchange.facts import NAMES
from tokenize_tools.exchange.folder import ExportFolder

_WRITERS = {"megatron": megatron.write, "datatrove": datatrove.write, "olmo": olmo.write, "litdata": litdata.write, "mds": mds.write}
_BOUNDED_BY_EOS = {"olmo", "litdata"}
"""Formats whose readers find documents only by the eos, or cannot find them."""


def export(tokens_folder: Path, form: str, out: Path) -> dict[str, Any]:
    """Write a tokens set into `out` in the format `form` and return the export's note: counts, tokenizer, files.

    An interrupted export starts over. Raises TokenizeError if the format cannot represent the set, ShardError for a damaged set.
    """
    tokens = ShardSet(tokens_folder, "tokens")
    if not tokens.manifest.n_tokens:
        raise TokenizeError(f"{tokens_folder}: the set holds no tokens, so there is nothing to export")
    info = tokens.manifest.info
    if form in _BOUNDED_BY_EOS and not info.get("policy", {}).get("eos"):
        logging.warning("these documents do not end with an eos, so readers of %s files cannot separate them; tokenize with --eos", form)
    facts = {name: info[name] for name in NAMES if name in info} | {
        "policy": info.get("policy"),
        "dtype": token_dtype(tokens).name,
        "n_documents": tokens.manifest.n_rows,
        "n_tokens": tokens.manifest.n_tokens,
        "manifest_hash": tokens.manifest.hash,
    }
    with output_folder(out), console.progress(f"export to {form}", tokens.manifest.n_rows) as meter:
        folder = ExportFolder(out, form)
        width = token_dtype(tokens).itemsize
        _WRITERS[form](tokens, folder, lambda documents, n: meter.advance(documents, tokens=n, MB=n * width / 1e6))
        folder.finish(facts)
    return facts | {"files": folder.files}
