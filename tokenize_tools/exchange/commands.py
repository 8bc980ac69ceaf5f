"""The subcommands `tokenize export` and `tokenize import`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from shards import console

Written = Literal["megatron", "datatrove", "olmo", "litdata", "mds"]
Read = Literal["megatron", "datatrove", "olmo"]
Width = Literal["uint8", "uint16", "uint32", "uint64"]


def export_command(
    tokens: Annotated[Path, typer.Argument(help="Folder of a tokens set.")],
    to: Annotated[Written, typer.Option(help="Format: Megatron .bin/.idx, datatrove .ds, OLMo .npy/.csv.gz, LitData chunks, MosaicML MDS.")],
    out: Annotated[Path, typer.Option(help="Folder to write to: new, empty, or an earlier export.")],
) -> None:
    """Export a tokens set to the format of another trainer."""
    from tokenize_tools.exchange.exporting import export

    note = export(tokens, to, out)
    n_bytes = sum(file["n_bytes"] for file in note["files"].values())
    figures = {"documents": f"{note['n_documents']:,}", "tokens": f"{note['n_tokens']:,} in {len(note['files']):,} files, {n_bytes / 1e6:,.1f} MB"}
    console.summary(f"Exported to {to}", figures | {"tokenizer": note.get("tokenizer", "not named by the set"), "written to": out})


def import_command(
    inputs: Annotated[list[Path], typer.Argument(help="Files (.idx, .ds, .npy) or folders that contain them.", show_default=False)],
    from_: Annotated[Read, typer.Option("--from", help="Format: Megatron .bin/.idx, datatrove .ds, OLMo .npy/.csv.gz.")],
    out: Annotated[Path, typer.Option(help="Folder of the tokens set.")],
    tokenizer: Annotated[Path | None, typer.Option(help="Tokenizer that made the ids: tokenizer.json or its folder. Not needed for our own exports.")] = None,
    tokenizer_sha256: Annotated[str | None, typer.Option(help="Instead of --tokenizer: the sha256 of its tokenizer.json.")] = None,
    n_vocab: Annotated[int | None, typer.Option(min=1, help="With --tokenizer-sha256: largest id + 1.")] = None,
    eos_id: Annotated[int | None, typer.Option(min=0, help="Id of the end of text; overrides the tokenizer's.")] = None,
    source: Annotated[
        str | None, typer.Option(help="Source label of the documents.  [default: the labels in the files, or the name of the file's folder]")
    ] = None,
    dtype: Annotated[Width | None, typer.Option(help="Type of the ids in OLMo files.  [default: the smallest that holds all ids]")] = None,
) -> None:
    """Import the token files of another program as a tokens set."""
    from tokenize_tools.exchange.facts import given_facts
    from tokenize_tools.exchange.importing import import_tokens

    manifest = import_tokens(inputs, from_, out, given_facts(tokenizer, tokenizer_sha256, n_vocab, eos_id), source, dtype)
    info = manifest.info
    which = "all" if info["policy"]["eos"] else "not all"
    figures = {"documents": f"{info['n_documents']:,}, {which} ending with the eos", "tokens": f"{info['n_tokens']:,} in {len(manifest.files):,} files"}
    console.summary(f"Imported from {from_}", figures | {"tokenizer": f"{info['tokenizer']} ({info['n_vocab']:,} ids)", "written to": out})
