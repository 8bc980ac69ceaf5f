"""The recipe of deduplication: its keys with units, ranges and the source of defaults."""

from typing import Annotated, Any, Generic, Literal, NamedTuple, TypeVar

from pydantic import Field, model_validator

from shards.amounts import Bytes, Tokens
from shards.recipe import Recipe

Section = TypeVar("Section")


class MinHashRecipe(Recipe):
    """Removal of near duplicates by MinHash. Defaults of shingles, bands and seed are FineWeb's."""

    hash: Literal["fast", "datatrove"] = "fast"
    """`fast`: words are runs of letters and digits, values have 32 bits; the same estimate in a hundredth of the time (`curate.dedup.sketch`).
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
    """Smallest estimated similarity of a dropped document to the one that is kept for it, so that chains of similar documents and templates are not
    one cluster. null: only one document of each cluster is kept, as in datatrove. The estimate's standard error is below 0.05 for 112 values."""
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
    """Cuts lines or paragraphs that occurred earlier in the corpus (CCNet). Not for hard-wrapped text, where a line is no unit of meaning."""

    scope: Literal["line", "paragraph"] = "paragraph"
    """What is compared: lines, or what blank lines separate."""
    window: Annotated[int, Field(ge=1, le=64)] = 1
    """Fewest consecutive lines or paragraphs that must be repeated; datatrove uses 3 for sentences."""
    copies: Annotated[int, Field(ge=1)] = 1
    """Occurrences of each that are kept, the first in the order of the inputs."""
    min_chars: Annotated[int, Field(ge=1)] = 20
    """Shorter ones are kept, in characters without punctuation: `By:` or `the` repeat by chance. cc_net uses 1."""
    min_words: WordsLeft = 50
    """A document with fewer words left is dropped; 50 is datatrove's."""


class SubstringRecipe(Recipe):
    """Cuts stretches of text that occurred earlier in the corpus, wherever they begin and end (Lee et al. 2022)."""

    min_bytes: Annotated[Bytes, Field(ge=16, le=4096)] = 200
    """Shortest repetition, in bytes of UTF-8. Lee et al. use 50 tokens of GPT-2, about 200 bytes of English."""
    keep: Literal["first", "none"] = "first"
    """`first`: the first occurrence is kept. `none`: all are cut, as by Google's program."""
    boundary: Literal["char", "word", "line"] = "word"
    """Cuts are shrunk to whole characters, words or lines."""
    min_words: WordsLeft = 50
    """A document with fewer words left is dropped; 50 is datatrove's."""
    memory_gib: Annotated[float, Field(gt=0)] = Field(default=1.0, exclude=True)
    """Memory for tables, in GiB. With less, texts are read more often; the result is the same."""


class BloomRecipe(Recipe):
    """Duplicates in a stream, by word n-grams that occurred earlier, in fixed memory. The result depends on the order of the inputs, not on workers."""

    scope: Literal["document", "paragraph", "line"] = "document"
    """What is judged: whole documents, or also their paragraphs or lines, which are cut (DCLM's bff)."""
    ngram: Annotated[int, Field(ge=1, le=256)] = 13
    """Words in an n-gram; 13 is DCLM's. Parts with fewer words are never judged."""
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.8
    """Smallest share of n-grams that occurred earlier for a duplicate; DCLM uses 0.8, Dolma 1.0."""
    false_positive: Annotated[float, Field(gt=0, lt=1)] = 0.01
    """Share of new n-grams that may be mistaken for old ones when the filter is full; DCLM uses 0.01."""
    expected_ngrams: Annotated[int, Field(ge=1)] | None = None
    """Number of n-grams the filter is made for; null: those of this run. Give more if later runs are to add to it."""
    max_gib: Annotated[float, Field(gt=0)] = 8.0
    """Largest filter, in GiB; a run that needs a larger one is refused."""
    load: str = ""
    """A saved filter to start from instead of an empty one; the file is not changed. Empty: none."""
    save: str = ""
    """File to save the filter to after the run. Empty: it is not saved."""
    read_only: bool = False
    """Look only for what the loaded filter holds (an earlier corpus, an evaluation set), not for duplicates within this run."""
    min_words: WordsLeft = 50
    """A document with fewer words left after parts were cut is dropped."""

    @model_validator(mode="after")
    def _check_files(self) -> "BloomRecipe":
        if self.read_only and not self.load:
            raise ValueError("read_only: without `load` there is nothing to compare with")
        if self.save and self.save == self.load:
            raise ValueError(f"save: {self.save} is also loaded; a second run would then find every document in it. Save under another name")
        return self


class SemanticRecipe(Recipe):
    """Removal of documents with nearly the same meaning, by their embeddings (SemDeDup, Abbas et al. 2023)."""

    model: str = ""
    """Folder of a Hugging Face model (its last layer is averaged over tokens) or of static vectors as model2vec writes them."""
    embeddings: str = ""
    """In place of a model: a Parquet file with one vector for each document."""
    key: Literal["id", "url"] = "id"
    """What identifies documents in that file: hexadecimal ids of an earlier run, or addresses."""
    column: str = "embedding"
    """The column of that file with the vectors."""
    max_tokens: Tokens = 512
    """Tokens of a document that the model reads, from its start."""
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.95
    """Smallest cosine similarity of duplicates. The right value depends on the model: look at what is dropped. 0.95 is SemDeDup's 1 - ε at ε = 0.05."""
    clusters: Annotated[int, Field(ge=1)] | None = None
    """Clusters of the k-means; duplicates are looked for within each. null: the square root of the number of documents."""
    keep: Literal["farthest", "closest", "longest"] = "farthest"
    """Which duplicate is kept: the farthest from its cluster's centroid (SemDeDup's choice), the closest, or the longest."""
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
    """A criterion for which duplicate is kept: a name such as `longest`, or a name with its column, such as `{oldest: date}`."""

    by: Criterion
    """`longest`, `shortest`: text in bytes. `first`: input order. `highest`, `lowest`: a number. `oldest`, `newest`: a date. `prefer`: a
    list of sources. `datatrove`: the root of datatrove's union by size (alone, and with `minhash.hash: datatrove`)."""
    column: str = ""
    """`highest`, `lowest`: a measured column or a metadata key; `oldest`, `newest`: a metadata key of ISO 8601 dates or of numbers.
    Documents without a value are the last choice."""
    sources: tuple[str, ...] = ()
    """`prefer`: names of sources, best first; all others follow."""

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
    """Removal of duplicates, by default among documents that passed language and rules, so that none is dropped in favour of a document that rules drop."""

    exact: bool = True
    """Remove documents with equal text."""
    minhash: MinHashRecipe | None = MinHashRecipe()
    """Remove near duplicates. null: do not. They are not removed either if the recipe says `exact: true` and nothing about `minhash`."""
    semantic: SemanticRecipe | None = None
    """Remove documents with nearly the same meaning, by embeddings. null: do not."""
    bloom: BloomRecipe | None = None
    """Remove text that an earlier document or a saved filter held, by word n-grams in a Bloom filter. null: do not."""
    lines: LinesRecipe | None = None
    """Cut lines or paragraphs that occurred earlier, after duplicates of whole documents are removed. null: do not."""
    substring: SubstringRecipe | None = None
    """Cut repeated stretches of text of any kind, at the same point. null: do not."""
    keep: Annotated[tuple[KeepRecipe, ...], Field(min_length=1)] = (KeepRecipe(by="longest"),)
    """Which duplicate is kept: one criterion, or a list of them. Ties go to the next criterion, and finally to the first in input order."""
    against: tuple[str, ...] = ()
    """Output folders of earlier runs: duplicates of documents that they kept are dropped. Their MinHash parameters must be the same."""
    before_rules: bool = False
    """Look for duplicates among all documents of the kept languages before rules drop any, as FineWeb2 does. Cluster sizes then say how often a text
    was found, and `curate rehydrate` can compare sizes with the rules' decisions. If rules drop the kept document, its duplicates are dropped, too."""

    @model_validator(mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        if isinstance(value, dict) and "keep" in value and not isinstance(value["keep"], list | tuple):
            value = {**value, "keep": [value["keep"]]}
        return value

    @model_validator(mode="before")
    @classmethod
    def _exact_alone(cls, value: Any) -> Any:
        """A recipe with `exact: true` and nothing about near-duplicates asks for exact ones only."""
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
