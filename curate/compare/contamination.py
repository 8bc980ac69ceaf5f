"""Drop documents that contain evaluation items, or cut the matching spans, and report on each evaluation set."""

from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from curate.compare.collection import Collection
from curate.decontaminate.index import Index, Names, load_index, load_names
from curate.decontaminate.recipe import BoilerplateRecipe, DecontaminateRecipe
from curate.steps.contamination import INDEX

STAGE, RULE = "contamination", "contamination/ngrams"
N_SHOWN = 20
"""Items listed per evaluation set in the report, most contaminated first."""

_FOUND = {"doc": pl.Int64, "item": pl.Int64, "n_found": pl.UInt32, "gram": pl.Int64, "share": pl.Float64}


class _Counted(NamedTuple):
    """N-grams without boilerplate: `informative` (n_grams,) bool; `totals` (n_items,) int64, informative n-grams per item."""

    informative: np.ndarray
    totals: np.ndarray


def drop_contaminated(collection: Collection, recipe: DecontaminateRecipe) -> None:
    """Drop documents that contain evaluation items, or cut the items out.

    Documents dropped by earlier stages are checked too, so the report on an evaluation set depends only on the inputs. A document contains
    an item if it has enough of the item's n-grams (`min_ngrams`, `min_share`), boilerplate excluded. A verdict names the item with the
    largest share of n-grams in the document: its value is that share, its detail the evaluation set, the item's position and one n-gram.
    """
    folder = collection.folder / INDEX
    index, names = load_index(folder), load_names(folder)
    counted = _count(collection, index, recipe.boilerplate)
    items = pl.concat([pl.DataFrame(schema=_FOUND), *(_found(table, first, index, counted, recipe) for first, table in _tables(collection))])
    best = items.sort(["share", "item"], descending=[True, False]).unique("doc", keep="first", maintain_order=True).sort("doc")
    dropped = best if recipe.action == "drop" else best.join(_cut(collection, items, index, counted, recipe.max_cut), on="doc", how="semi")
    details = [f"{names.evals[index.item_eval[item]]} {names.places[item]}: {index.text(gram)}" for item, gram in dropped.select("item", "gram").iter_rows()]
    shares, threshold = dropped["share"].to_numpy(), recipe.min_share
    collection.drop(dropped["doc"].to_numpy(), STAGE, RULE, value=shares, threshold=threshold, detail=pl.Series(details, dtype=pl.String))
    collection.note(STAGE, _report(collection, items, index, names, counted))


def _tables(collection: Collection) -> Any:
    return zip(collection.offsets.tolist(), collection.tables("contamination"), strict=False)


def _hits(table: pa.Table, first: int) -> pl.DataFrame:
    """One row per hit: doc (index in the collection), gram, start, end."""
    frame = pl.DataFrame(table).with_row_index("doc", offset=first)
    return frame.filter(pl.col("gram").list.len() > 0).explode("gram", "start", "end").with_columns(pl.col("doc").cast(pl.Int64))


def _count(collection: Collection, index: Index, boilerplate: BoilerplateRecipe | None) -> _Counted:
    informative = np.ones(len(index.keys), bool)
    if boilerplate is not None:
        codes, _ = collection.sources
        n_documents = np.zeros(len(index.keys), np.int64)
        by_source = pl.DataFrame(schema={"gram": pl.UInt32, "source": pl.Int32})
        for first, table in _tables(collection):
            pairs = _hits(table, first).select("doc", "gram").unique()
            n_documents += np.bincount(pairs["gram"].to_numpy(), minlength=len(index.keys))
            of_task = pairs.select("gram", source=pl.Series(codes[pairs["doc"].to_numpy()], dtype=pl.Int32))
            by_source = pl.concat([by_source, of_task]).unique()
        n_sources = np.bincount(by_source["gram"].to_numpy(), minlength=len(index.keys))
        informative = (n_documents < boilerplate.documents) | (n_sources < boilerplate.sources)
    per_gram = np.repeat(informative, np.diff(index.item_offsets))
    return _Counted(informative, np.bincount(index.items[per_gram], minlength=len(index.item_grams)).astype(np.int64))


def _found(table: pa.Table, first: int, index: Index, counted: _Counted, recipe: DecontaminateRecipe) -> pl.DataFrame:
    """Items found in the documents of a task: doc, item, n_found, share, and the first n-gram that matched."""
    hits = _hits(table, first).select("doc", pl.col("gram").cast(pl.Int64)).unique(maintain_order=True)
    hits = hits.filter(pl.Series(counted.informative[hits["gram"].to_numpy()], dtype=pl.Boolean))
    grams = hits["gram"].to_numpy()
    n_items = index.item_offsets[grams + 1] - index.item_offsets[grams]
    positions = np.repeat(index.item_offsets[grams], n_items) + np.arange(n_items.sum()) - np.repeat(np.cumsum(n_items) - n_items, n_items)
    rows = np.repeat(np.arange(len(grams)), n_items)
    pairs = hits[rows].with_columns(item=pl.Series(index.items[positions].astype(np.int64)))
    items = pairs.group_by("doc", "item", maintain_order=True).agg(n_found=pl.len(), gram=pl.col("gram").first())
    items = items.with_columns(share=items["n_found"].cast(pl.Float64) / pl.Series(counted.totals[items["item"].to_numpy()], dtype=pl.Float64))
    return items.filter((pl.col("n_found") >= recipe.min_ngrams) & (pl.col("share") >= recipe.min_share))


def _cut(collection: Collection, items_found: pl.DataFrame, index: Index, counted: _Counted, max_cut: float) -> pl.DataFrame:
    """Cut the n-grams of the items found. Documents that would lose too much are returned and left uncut."""
    too_much = []
    for first, table in _tables(collection):
        hits = _hits(table, first).join(items_found.select("doc").unique(), on="doc", how="semi").sort("doc", "start", "end")
        hits = hits.filter(pl.Series(counted.informative[hits["gram"].to_numpy()], dtype=pl.Boolean) & _belongs(hits, items_found, index))
        reach = pl.col("end").cum_max().shift(1).over("doc").fill_null(0)
        lost = hits.with_columns(new=(pl.col("end") - pl.max_horizontal("start", reach)).clip(0)).group_by("doc", maintain_order=True).agg(pl.col("new").sum())
        n_bytes = pl.Series(collection.n_bytes[lost["doc"].to_numpy()], dtype=pl.Float64)
        heavy = lost.filter(lost["new"] / n_bytes > max_cut).select("doc")
        cuts = hits.join(heavy, on="doc", how="anti")
        collection.cut(*(cuts[name].to_numpy() for name in ("doc", "start", "end")))
        too_much.append(heavy)
    return pl.concat([pl.DataFrame(schema={"doc": pl.Int64}), *too_much])


def _belongs(hits: pl.DataFrame, items_found: pl.DataFrame, index: Index) -> pl.Series:
    """Whether a hit's n-gram belongs to an item found in the same document."""
    items = items_found.group_by("doc").agg("item")
    by_doc = dict(zip(items["doc"].to_list(), map(set, items["item"].to_list()), strict=True))
    grams = hits["gram"].to_list()
    owners = (index.items[index.item_offsets[gram] : index.item_offsets[gram + 1]].tolist() for gram in grams)
    return pl.Series([not by_doc[doc].isdisjoint(items) for doc, items in zip(hits["doc"].to_list(), owners, strict=True)], dtype=pl.Boolean)


def _report(collection: Collection, items_found: pl.DataFrame, index: Index, names: Names, counted: _Counted) -> dict[str, Any]:
    """Per evaluation set: numbers of items, of items too short to find and of items found, their rate, documents, and the worst items."""
    items_found = items_found.with_columns(eval=pl.Series(index.item_eval[items_found["item"].to_numpy()].astype(np.int64)))
    report: dict[str, Any] = {"boilerplate_ngrams": int((~counted.informative).sum()), "evals": {}}
    for number, name in enumerate(names.evals):
        hits = items_found.filter(pl.col("eval") == number)
        of_eval = index.item_eval == number
        n_items, n_found = int(of_eval.sum()), hits["item"].n_unique()
        worst = hits.sort(["share", "item", "doc"], descending=[True, False, False]).unique("item", keep="first", maintain_order=True).head(N_SHOWN)
        documents = collection.names(worst["doc"].to_numpy()).to_list()
        shown = [
            {"item": names.places[item], "share": share, "document": document, "ngram": index.text(gram)}
            for (item, share, gram), document in zip(worst.select("item", "share", "gram").iter_rows(), documents, strict=True)
        ]
        report["evals"][name] = {
            "items": n_items,
            "too_short": int((index.item_grams[of_eval] == 0).sum()),
            "found": n_found,
            "rate": n_found / max(n_items, 1),
            "documents": hits["doc"].n_unique(),
            "worst": shown,
        }
    return report
