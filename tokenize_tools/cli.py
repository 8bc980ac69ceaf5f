"""The `tokenize` command."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from shards import console

app = console.new_app("Train tokenizers, turn documents into token shards, measure fertility.")

Backend = Literal["auto", "hf", "fastokens", "gigatoken"]
Documents = Annotated[list[Path], typer.Argument(help="Folders of documents sets, e.g. OUT/documents of a curate run.", show_default=False)]


@app.command()
def train(
    documents: Documents,
    out: Annotated[Path, typer.Option(help="Folder to write the tokenizer to.")],
    vocab_size: Annotated[int, typer.Option(help="Ids, special token and bytes included.")] = 6144,
    sample_bytes: Annotated[int, typer.Option(help="UTF-8 bytes of text to train on; more documents than that are sampled by their ids.")] = 1 << 29,
) -> None:
    """Train a byte-level BPE tokenizer that transformers' AutoTokenizer loads."""
    from tokenize_tools.train import END_OF_TEXT, train_tokenizer

    tokenizer = train_tokenizer(documents, vocab_size, sample_bytes, out)
    console.summary("Tokenizer trained", {"ids": f"{tokenizer.get_vocab_size():,}", "eos = bos = pad": END_OF_TEXT, "written to": out})


@app.command()
def run(
    documents: Documents,
    tokenizer: Annotated[Path, typer.Option(help="A tokenizer.json, or a folder that holds one.")],
    out: Annotated[Path, typer.Option(help="Folder of the tokens set.")],
    workers: Annotated[int, typer.Option(min=1, help="Processes; the result does not depend on it.")] = 1,
    eos: Annotated[bool, typer.Option(help="Put the tokenizer's eos after every document.")] = True,
    bos: Annotated[bool | None, typer.Option("--bos/--no-bos", help="Put its bos before every document.  [default: as the tokenizer does]")] = None,
    backend: Annotated[Backend, typer.Option(help="Library that encodes; auto: the fastest with the same ids as Hugging Face tokenizers (hf).")] = "auto",
) -> None:
    """Turn documents into a tokens set. Interrupted runs resume; the same input gives the same bytes."""
    from tokenize_tools.recipe import TokenizeRecipe
    from tokenize_tools.run import tokenize

    recipe = TokenizeRecipe(documents=documents, tokenizer=tokenizer, out=out, workers=workers, eos=eos, bos=bos, backend=backend)
    manifest = tokenize(recipe)
    info = manifest.info
    console.summary(
        "Tokenized",
        {
            "documents": f"{info['n_documents']:,}",
            "tokens": f"{info['n_tokens']:,} in {len(manifest.files):,} files",
            "bytes per token": f"{info['n_bytes'] / max(info['n_tokens'], 1):.3f}",
            "tokenizer": f"{info['tokenizer']} ({info['n_vocab']:,} ids), by {info['backend']}",
            "written to": out,
        },
    )


@app.command()
def fertility(
    documents: Documents,
    tokenizer: Annotated[list[Path], typer.Option(help="A tokenizer.json, or a folder that holds one; give several to compare.")],
    out: Annotated[Path | None, typer.Option(help="Also write the figures to this JSON file.")] = None,
    sample_bytes: Annotated[int, typer.Option(min=1, help="UTF-8 bytes of text to measure on; more documents than that are sampled by their ids.")] = 1 << 24,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
) -> None:
    """Measure bytes per token, tokens per word, split words and single bytes, by source and language, with 95% intervals."""
    from tokenize_tools import fertility_report

    rows = fertility_report.compare(documents, tokenizer, sample_bytes, seed)
    console.print_table("Fertility (95% interval over documents)", *fertility_report.table(rows))
    if out is not None:
        fertility_report.write_json(rows, out)
        console.summary("Written", {"figures": out})


def main() -> None:
    """Entry point of the `tokenize` command."""
    console.main(app)
