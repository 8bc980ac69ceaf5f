"""What a recipe may ask of deduplication, with units, ranges and where defaults come from."""

from typing import Annotated, Any, Generic, Literal, NamedTuple, TypeVar

from pydantic import Field, model_validator

from shards.amounts import Bytes, Tokens
from shards.recipe import Recipe

Section = TypeVar("Section")


class MinHashRecipe(Recipe):
    """MinHash near-duplicate removal; shingles, bands and seed are FineWeb's."""

    hash: Literal["fast", "datatrove"] = "fast"
    """`fast`: words are runs of letters and digits, 32-bit values, the same estimate at a hundredth of the time (`curate.dedup.sketch`).
    `datatrove`: datatrove's signatures bit for bit, over the recipe's `words`."""
    ngram: Annotated[int, Field(ge=1, le=64)] = 5
    """Words in a shingle."""
    buckets: Annotated[int, Field(ge=1, le=1000)] = 14
    """Bands: two documents are candidates if all hashes of one band agree."""
    hashes: Annotated[int, Field(ge=1, le=1024)] = 8
    """Hashes in a band. With similarity s two documents are found with probability 1 - (1 - s^hashes)^buckets."""
    seed: Annotated[int, Field(ge=0, lt=1 << 32)] = 1
    """Seed of the permutations."""
    verify: Annotated[float, Field(gt=0, le=1)] | None = None
    """Least estimated similarity of a document to the one that stays for it, so that chains of likenesses and templates don't make one
    cluster; null: whole clusters go, as in datatrove. The estimate's standard error is below 0.05 for 112 values."""
    signatures: bool = True
    """Store whole signatures (448 bytes a document, `datatrove` 896), for `verify`, the similarity in verdicts, and other programs;
    false: only the keys of the bands (112 bytes)."""

    @model_validator(mode="after")
    def _can_verify(self) -> "MinHashRecipe":
        if self.verify is not None and not self.signatures:
            raise ValueError("verify needs signatures: leave out `signatures: false`, or `verify`")
        return self


WordsLeft = Annotated[int, Field(ge=1)]


class LinesRecipe(Recipe):
    """Lines or paragraphs that stood in the corpus before are cut (CCNet). Not for hard-wrapped text: there a line is no unit of meaning."""

    scope: Literal["line", "paragraph"] = "paragraph"
    """What is compared: lines, or what blank lines separate."""
    window: Annotated[int, Field(ge=1, le=64)] = 1
    """So many in a row must be repeated; 3 is datatrove's for sentences."""
    copies: Annotated[int, Field(ge=1)] = 1
    """So many of each stay, the first in the order of the inputs."""
    min_chars: Annotated[int, Field(ge=1)] = 20
    """Shorter ones stay, in characters without punctuation: `By:` or `the` repeat by chance. 1 is cc_net's."""
    min_words: WordsLeft = 50
    """A document with fewer words left is dropped; 50 is datatrove's."""


class SubstringRecipe(Recipe):
    """Stretches of text that stood in the corpus before are cut, wherever they begin and end (Lee et al. 2022)."""

    min_bytes: Annotated[Bytes, Field(ge=16, le=4096)] = 200
    """Shortest repetition, in bytes of UTF-8. Lee et al.: 50 tokens of GPT-2, which are about 200 bytes of English."""
    keep: Literal["first", "none"] = "first"
    """`first`: the first occurrence stays. `none`: all go, as with Google's program."""
    boundary: Literal["char", "word", "line"] = "word"
    """Cuts are shrunk to whole characters, words or lines."""
    min_words: WordsLeft = 50
    """A document with fewer words left is dropped; 50 is datatrove's."""
    memory_gib: Annotated[float, Field(gt=0)] = Field(default=1.0, exclude=True)
    """Memory for tables, in GiB. With less, texts are read more often; the result is the same."""


class BloomRecipe(Recipe):
    """Copies in a stream, by word n-grams that came before; fixed memory. The order of the inputs decides, the number of workers does not."""

    scope: Literal["document", "paragraph", "line"] = "document"
    """What is judged: documents; or also their paragraphs or lines (DCLM's bff), which are cut."""
    ngram: Annotated[int, Field(ge=1, le=256)] = 13
    """Words in an n-gram; 13 is DCLM's. Parts with fewer words are never judged."""
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.8
    """What has at least this share of n-grams that came before is a copy; 0.8 is DCLM's, 1.0 Dolma's."""
    false_positive: Annotated[float, Field(gt=0, lt=1)] = 0.01
    """Share of new n-grams that may be taken for old ones once all are in the filter; 0.01 is DCLM's."""
    expected_ngrams: Annotated[int, Field(ge=1)] | None = None
    """How many n-grams the filter is made for; null: as many as this run has. More, if later runs are to add to it."""
    max_gib: Annotated[float, Field(gt=0)] = 8.0
    """Largest filter, in GiB; one that would need more is refused."""
    load: str = ""
    """A saved filter to start from, instead of an empty one; it stays as it is."""
    save: str = ""
    """Where to save the filter after the run."""
    read_only: bool = False
    """Look only for what the loaded filter holds (an earlier corpus, an evaluation set), not for copies within this run."""
    min_words: WordsLeft = 50
    """A document of which parts were cut and fewer words are left is dropped."""

    @model_validator(mode="after")
    def _check_files(self) -> "BloomRecipe":
        if self.read_only and not self.load:
            raise ValueError("read_only: without `load` there is nothing to compare with")
        if self.save and self.save == self.load:
            raise ValueError(f"save: {self.save} is also loaded; a second run would then find every document in it. Save under another name")
        return self


class SemanticRecipe(Recipe):
    """Documents that mean nearly the same, by their embeddings (SemDeDup, Abbas et al. 2023)."""

    model: str = ""
    """Folder of a Hugging Face model (its last layer is averaged over tokens) or of static vectors as model2vec writes them."""
    embeddings: str = ""
    """Instead of a model: a Parquet file with a vector a document."""
    key: Literal["id", "url"] = "id"
    """What names documents in that file: hexadecimal ids, as an earlier run gave them, or addresses."""
    column: str = "embedding"
    """The column of that file with the vectors."""
    max_tokens: Tokens = 512
    """Tokens of a document that the model reads, from its start."""
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.95
    """Least cosine similarity of copies. It depends on the model: look at what goes. 0.95 is 1 - ε of SemDeDup at ε = 0.05."""
    clusters: Annotated[int, Field(ge=1)] | None = None
    """Clusters of the k-means; copies are looked for within each. null: the square root of the number of documents."""
    keep: Literal["farthest", "closest", "longest"] = "farthest"
    """Which copy stays: the farthest from its cluster's centroid (SemDeDup's), the closest, or the longest."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the k-means."""

    @model_validator(mode="after")
    def _one_origin(self) -> "SemanticRecipe":
        if bool(self.model) == bool(self.embeddings):
            raise ValueError("give either `model` or `embeddings`")
        return self


Criterion = Literal["longest", "shortest", "first", "highest", "lowest", "oldest", "newest", "prefer", "datatrove"]
_OF_COLUMN = ("highest", "lowest", "oldest", "newest")


class KeepRecipe(Recipe):
    """One criterion of which copy stays: a name as in `longest`, or a name and what it looks at, as in `{oldest: date}`."""

    by: Criterion
    """`longest`, `shortest`: text in bytes. `first`: input order. `highest`, `lowest`: a number. `oldest`, `newest`: a date. `prefer`: a
    list of sources. `datatrove`: the root of datatrove's union by size (alone, and with `minhash.hash: datatrove`)."""
    column: str = ""
    """`highest`, `lowest`: a measured column or a metadata key; `oldest`, `newest`: a metadata key of ISO 8601 dates or of numbers.
    Documents without a value come last."""
    sources: tuple[str, ...] = ()
    """`prefer`: names of sources, best first; others follow."""

    @model_validator(mode="before")
    @classmethod
    def _from_short(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"by": value}
        if isinstance(value, dict) and len(value) == 1 and "by" not in value:
            by, of = next(iter(value.items()))
            return {"by": by, "sources" if by == "prefer" else "column": of}
        return value

    @model_validator(mode="after")
    def _looks_at_something(self) -> "KeepRecipe":
        if (self.by in _OF_COLUMN) != bool(self.column):
            raise ValueError(f"{self.by}: {'write {' + self.by + ': COLUMN}' if self.by in _OF_COLUMN else 'takes no column'}")
        if (self.by == "prefer") != bool(self.sources):
            raise ValueError(f"{self.by}: {'write {prefer: [SOURCE, …]}' if self.by == 'prefer' else 'takes no sources'}")
        return self


_YES = ("true", "yes", "on", "1")


class DedupRecipe(Recipe):
    """Removal of copies, by default among documents that passed language and rules, so that no copy dies for one that is dropped."""

    exact: bool = True
    """Remove copies with equal text."""
    minhash: MinHashRecipe | None = MinHashRecipe()
    """Remove near copies; null: don't. Not looked for either where `exact: true` is written and this is not."""
    semantic: SemanticRecipe | None = None
    """Remove documents that mean nearly the same, by embeddings; null: don't."""
    bloom: BloomRecipe | None = None
    """Remove what an earlier document, or a saved filter, held already, by word n-grams in a Bloom filter; null: don't."""
    lines: LinesRecipe | None = None
    """Cut lines or paragraphs that stood in other documents before, after all copies of whole documents are gone; null: don't."""
    substring: SubstringRecipe | None = None
    """Cut repeated stretches of text of any kind, likewise; null: don't."""
    keep: Annotated[tuple[KeepRecipe, ...], Field(min_length=1)] = (KeepRecipe(by="longest"),)
    """Which copy stays: one criterion or a list of them, ties going to the next and in the end to the first in input order."""
    against: tuple[str, ...] = ()
    """Output folders of earlier runs: a copy of a document that one of them kept is dropped here. Their MinHash parameters must be the same."""
    before_rules: bool = False
    """Look for copies among all documents of the kept languages, before rules drop any, as FineWeb2 does: then cluster sizes say how often
    a text was found, and `curate rehydrate` can tell what rules think of each size. A survivor that rules drop takes its copies with it."""

    @model_validator(mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        if isinstance(value, dict) and "keep" in value and not isinstance(value["keep"], list | tuple):
            value = {**value, "keep": [value["keep"]]}
        return value

    @model_validator(mode="before")
    @classmethod
    def _exact_alone(cls, value: Any) -> Any:
        """Who asks for exact copies and says nothing of near ones wants exact ones only."""
        if isinstance(value, dict) and "minhash" not in value and str(value.get("exact")).lower() in _YES:
            value = {**value, "minhash": None}
        return value

    @model_validator(mode="after")
    def _datatrove_is_whole(self) -> "DedupRecipe":
        if any(one.by == "datatrove" for one in self.keep):
            fits = self.minhash is not None and self.minhash.hash == "datatrove" and self.minhash.signatures and self.minhash.verify is None
            if len(self.keep) > 1 or not fits or self.against:
                raise ValueError("keep: datatrove needs minhash with hash: datatrove, signatures, no verify, and no other criterion or `against`")
        return self


class WithWords(NamedTuple, Generic[Section]):
    """A section of the recipe, and the splitter of words (`words` of the recipe) that it is applied with."""

    words: str
    section: Section
