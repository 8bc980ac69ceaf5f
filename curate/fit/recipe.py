"""Recipes of `curate fit-classifier`, `fit-importance` and `fit-kenlm`; the model's card records them."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from shards.recipe import Recipe


class ClassSourceRecipe(Recipe):
    """Texts of one class."""

    label: Annotated[str, Field(pattern=r"^\S+$")]
    """Name of the class, without white space."""
    path: str
    """Any input of `curate run`, a documents set, or a run's output folder."""


class ClassifierRecipe(Recipe):
    """How a fastText classifier is trained."""

    classes: tuple[ClassSourceRecipe, ...] = ()
    """Texts by class."""
    labelled: tuple[str, ...] = ()
    """Inputs whose documents carry their class in `label_column`."""
    label_column: str | None = None
    """A column, or a key of the metadata, that holds the class. Of a list, the first item is taken."""
    text_column: str = "text"
    """Column with the text, of JSONL, CSV and Parquet inputs."""
    one_per_line: bool = False
    """Each line of a document is an example of its own."""
    lowercase: bool = False
    """Train and apply on lower-cased text. DCLM leaves case as it is."""
    max_per_class: Annotated[int, Field(ge=1)] | None = None
    """Upper limit of examples of a class, chosen by the hash of their text. null: no limit. DCLM uses 200,000."""
    min_per_class: Annotated[int, Field(ge=1)] = 1
    """Classes with fewer distinct examples are left out and counted: free labels have a long tail."""
    held_out: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """Share of examples for the report, chosen by the hash of their text, so duplicates never lie on both sides."""
    seed: int = 0
    """Seed of the choice of examples, their order, and the training."""
    lr: Annotated[float, Field(gt=0)] | None = None
    """Learning rate. null: 0.1, as in DCLM and fastText, from 50,000 training examples on; 0.5 below."""
    epochs: Annotated[int, Field(ge=1)] | None = None
    """Passes over the examples. null: 5, as in DCLM and fastText, from 50,000 training examples on; 25 below. fastText divides each step by
    the length of the text, so with few long texts DCLM's settings hardly move the model (1,800 news articles of five topics: accuracy 0.37, with ours 0.86)."""
    dim: Annotated[int, Field(ge=1)] = 100
    """Size of word vectors. Default: DCLM's and fastText's."""
    word_ngrams: Annotated[int, Field(ge=1, le=5)] = 2
    """Longest run of words that is a feature. DCLM's published classifier uses bigrams; the default of its training script is 1."""
    char_ngrams: tuple[int, int] | None = None
    """Shortest and longest character n-gram of a word that is a feature; for languages with rich endings. fastText's default for classifiers: none."""
    min_count: Annotated[int, Field(ge=1)] = 1
    """Fewest occurrences of a word that has a vector of its own. Default: DCLM's and fastText's."""
    buckets: Annotated[int, Field(ge=1)] = 1 << 18
    """Rows that n-grams share by hash, of 4 × `dim` bytes each. fastText's default of 2,000,000 makes an 800 MB model, ours 105 MB."""
    loss: Literal["softmax", "ova"] = "softmax"
    """softmax: the classes' probabilities sum to 1. ova: one against all, each class by itself."""
    quantize: bool = False
    """Write an .ftz: vectors compressed by product quantisation and retrained, about a tenth of the size. The report is of the quantised model."""

    @model_validator(mode="after")
    def _has_classes(self) -> Self:
        labels = {source.label for source in self.classes}
        if not self.labelled and len(labels) < 2:
            raise ValueError("a classifier needs texts of two classes: give positives and negatives, several classes, or labelled inputs")
        if bool(self.labelled) != bool(self.label_column):
            raise ValueError("give labelled inputs and label_column together")
        if self.char_ngrams and not 1 <= self.char_ngrams[0] <= self.char_ngrams[1]:
            raise ValueError("char_ngrams: the first length must be at least 1, and at most the second")
        return self


class AimRecipe(Recipe):
    """How the threshold is chosen, on held-out examples; by default for the best F1."""

    label: str | None = None
    """The class that counts as positive. Default: the first one given, or the rarest of labelled inputs."""
    precision: Annotated[float, Field(gt=0, le=1)] | None = None
    """Lowest threshold with at least this precision."""
    recall: Annotated[float, Field(gt=0, le=1)] | None = None
    """Highest threshold with at least this recall."""
    keep_share: Annotated[float, Field(gt=0, le=1)] | None = None
    """Highest threshold that keeps at least this share of the held-out examples of all other classes together. DCLM keeps the top 10% of raw text."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(aim is not None for aim in (self.precision, self.recall, self.keep_share)) > 1:
            raise ValueError("give only one of precision, recall and keep_share")
        return self


class ImportanceFitRecipe(Recipe):
    """DSIR's two bags of hashed n-grams."""

    target: Annotated[tuple[str, ...], Field(min_length=1)]
    """Inputs that look like the text to select."""
    raw: Annotated[tuple[str, ...], Field(min_length=1)]
    """Inputs that look like the text to select from; preferably the run's own documents."""
    text_column: str = "text"
    """Column with the text, of JSONL, CSV and Parquet inputs."""
    ngrams: Annotated[int, Field(ge=1, le=2)] = 2
    """1: words; 2: words and pairs of words. Default: the paper's."""
    buckets: Annotated[int, Field(ge=2, le=1 << 24)] = 10_000
    """Buckets of the hash. Default: the paper's."""
    max_raw_ngrams: Annotated[int, Field(ge=1)] | None = 1_000_000_000
    """Upper limit of n-grams read from raw text. Default: the authors' 100,000 × buckets. null: read all."""


class KenlmFitRecipe(Recipe):
    """How a KenLM model is trained, with KenLM's own `lmplz`."""

    texts: Annotated[tuple[str, ...], Field(min_length=1)]
    """Inputs of good text; cc_net uses Wikipedia."""
    text_column: str = "text"
    """Column with the text, of JSONL, CSV and Parquet inputs."""
    order: Annotated[int, Field(ge=2, le=6)] = 5
    """Longest n-gram. Default: cc_net's."""
    sentencepiece: str | None = None
    """SentencePiece model whose pieces are the words; copied into the folder. cc_net trains one of 65,536 pieces. null: blank-separated words."""
    normalize: bool = True
    """Whether each line is normalised as in cc_net."""
    lines: Literal["each", "joined"] = "each"
    """`each`: each line is a sentence. `joined`: each document is one, as in cc_net's program."""
    held_out: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """Share of documents, by hash, on which the cutoffs are measured if `cutoff_texts` is empty."""
    cutoff_texts: tuple[str, ...] = ()
    """Inputs whose perplexities give the cutoffs; preferably the raw text that will be judged, as in cc_net."""
    percentiles: tuple[float, float] = (30.0, 60.0)
    """Percentiles of the perplexities at the cutoffs: head is below the first, tail above the second. Default: cc_net's."""
    memory: str = "20%"
    """Memory that lmplz may use, in its own notation."""
