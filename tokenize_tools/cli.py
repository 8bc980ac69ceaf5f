"""The `tokenize` command."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from shards import console
from shards.amounts import bytes_given_as
from tokenize_tools.exchange.commands import export_command, import_command

app = console.new_app("Train tokenizers, turn documents into token shards, measure fertility.")

Backend = Literal["auto", "hf", "fastokens", "gigatoken"]
Kind = Literal["bpe", "unigram", "sentencepiece-bpe", "sentencepiece-unigram"]
TokenizerPath = Annotated[Path, typer.Option(help="A tokenizer.json, or a folder that holds one.")]
Workers = Annotated[int, typer.Option(min=1, help="Processes; the result does not depend on it.")]
Eos = Annotated[bool, typer.Option(help="Add the tokenizer's eos after every document.")]
Bos = Annotated[bool | None, typer.Option("--bos/--no-bos", help="Add its bos before every document.  [default: as the tokenizer does]")]
BackendName = Annotated[Backend, typer.Option(help="Library that encodes; auto: the fastest with the same ids as Hugging Face tokenizers (hf).")]
Documents = Annotated[list[Path], typer.Argument(help="Folders of documents sets, e.g. OUT/documents of a curate run.", show_default=False)]


@app.command()
def train(
    documents: Documents,
    out: Annotated[Path, typer.Option(help="Folder to write the tokenizer to.")],
    kind: Annotated[Kind, typer.Option(help="bpe and unigram are byte-level; the others follow Llama 2.")] = "bpe",
    vocab_size: Annotated[int, typer.Option(help="Number of ids, including special tokens and bytes.")] = 6144,
    sample: Annotated[list[str] | None, typer.Option(help="SOURCE=BYTES to train on, e.g. law=20M; may be repeated. Sources not named are left out.")] = None,
    sample_bytes: Annotated[str, typer.Option(help="Without --sample: UTF-8 bytes to train on, from all sources in proportion to their size.")] = "512MiB",
) -> None:
    """Train a tokenizer that transformers' AutoTokenizer loads, on documents sampled by their ids."""
    from tokenize_tools.sample import parse_portions
    from tokenize_tools.train import train_tokenizer

    figures = train_tokenizer(documents, vocab_size, bytes_given_as("--sample-bytes", sample_bytes), out, kind, parse_portions(sample))
    columns = ["source", "MB taken", "MB requested", "MB available", "documents"]
    lines = (
        [name or "(none)", *(f"{portion[key] / 1e6:,.2f}" for key in ("bytes", "asked_bytes", "available_bytes")), f"{portion['documents']:,}"]
        for name, portion in figures["sample"].items()
    )
    console.print_table(f"Trained {kind}", columns, lines)
    survive = "all" if not figures["changed_scalars"] else f"all but {len(figures['changed_scalars'])}"
    console.summary("", {"ids": f"{figures['n_vocab']:,}", "characters decoded unchanged": f"{survive} of Unicode", "written to": out})


@app.command()
def run(
    documents: Documents,
    tokenizer: TokenizerPath,
    out: Annotated[Path, typer.Option(help="Folder of the tokens set.")],
    workers: Workers = 1,
    eos: Eos = True,
    bos: Bos = None,
    backend: BackendName = "auto",
) -> None:
    """Turn documents into a tokens set. Interrupted runs resume; the same input gives the same bytes."""
    from tokenize_tools.recipe import TokenizeRecipe
    from tokenize_tools.run import tokenize

    recipe = TokenizeRecipe(documents=documents, tokenizer=tokenizer, out=out, workers=workers, eos=eos, bos=bos, backend=backend)
    manifest = tokenize(recipe)
    _report("Tokenized", manifest.info, {"written to": f"{out}, {len(manifest.files):,} files"})


@app.command()
def count(
    documents: Documents,
    tokenizer: TokenizerPath,
    out: Annotated[Path, typer.Option(help="JSON file for the figures, by source.")],
    workers: Workers = 1,
    eos: Eos = True,
    bos: Bos = None,
    backend: BackendName = "auto",
) -> None:
    """Count the tokens that `run` would write, by source, without storing them. Interrupted counts resume."""
    from tokenize_tools.recipe import TokenizeRecipe
    from tokenize_tools.run import count as count_tokens

    figures = count_tokens(TokenizeRecipe(documents=documents, tokenizer=tokenizer, out=out, workers=workers, eos=eos, bos=bos, backend=backend))
    _report("Counted", figures, {"written to": out})


def _report(title: str, info: Mapping[str, Any], more: Mapping[str, Any]) -> None:
    columns = ["source", "documents", "MB of text", "tokens", "bytes/token"]
    lines = {**info["sources"], "all": info} if len(info["sources"]) != 1 else info["sources"]
    console.print_table(
        title,
        columns,
        (
            [
                name or "(none)",
                f"{counts['n_documents']:,}",
                f"{counts['n_bytes'] / 1e6:,.1f}",
                f"{counts['n_tokens']:,}",
                f"{counts['n_bytes'] / max(counts['n_tokens'], 1):.3f}",
            ]
            for name, counts in lines.items()
        ),
    )
    added = [name for name, wanted in info["policy"].items() if wanted is True]
    figures = {
        "tokenizer": f"{info['tokenizer']} ({info['n_vocab']:,} ids), by {info['backend']}",
        "added to each document": " and ".join(added) or "nothing",
        "special tokens in texts": f"{info['special_text']:,}, encoded as text",
    }
    console.summary("", {**figures, **more})


@app.command()
def fertility(
    documents: Documents,
    tokenizer: Annotated[list[Path], typer.Option(help="A tokenizer.json, or a folder that holds one; give several to compare.")],
    out: Annotated[Path | None, typer.Option(help="Also write an .html page and a .json of its figures beside it, or the .json alone.")] = None,
    sample_bytes: Annotated[str, typer.Option(help="UTF-8 bytes of text to measure; a larger set is sampled by document id.")] = "16MiB",
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
    parallel_by: Annotated[str | None, typer.Option(help="What translations of a text share: row, file (name) or metadata.NAME. Adds parity.")] = None,
    parallel_base: Annotated[str, typer.Option(help="Language that parity is relative to.")] = "en",
) -> None:
    """Measure the tokens that texts cost, by source and language, with 95% intervals. With --parallel-by, compare languages on the same content."""
    from tokenize_tools import fertility_report

    if out is not None:
        fertility_report.check_out(out)
    comparison = fertility_report.compare(documents, tokenizer, bytes_given_as("--sample-bytes", sample_bytes), seed, parallel_by, parallel_base)
    console.print_table("Fertility (95% interval over documents)", *fertility_report.table(comparison.rows))
    if comparison.parity:
        console.print_table(f"Parity with {parallel_base}", *fertility_report.parity_table(comparison.parity))
    if out is not None:
        console.summary("Written", {path.suffix[1:]: path for path in fertility_report.write(comparison, out)})


app.command("export")(export_command)
app.command("import")(import_command)


def main() -> None:
    """Entry point of the `tokenize` command."""
    console.main(app)
