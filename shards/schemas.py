"""Arrow schemas of the kinds of shard sets. A set may have more columns than its kind requires, never fewer."""

import pyarrow as pa

DOC_ID = pa.binary(16)
"""xxh3-128 of the document's final UTF-8 text: equal text, equal id."""

DOCUMENTS = pa.schema(
    [
        ("id", DOC_ID),
        ("text", pa.large_string()),
        ("source", pa.string()),
        ("language", pa.string()),
        ("url", pa.string()),
        ("metadata", pa.string()),  # JSON object as read, "" if none
        ("file", pa.string()),  # input file the text came from, relative to the recipe's input path
        ("row", pa.int64()),  # number of the record inside that file, from 0
    ]
)

VERDICTS = pa.schema(
    [
        ("doc_id", DOC_ID),  # null for records that could not be read
        ("file", pa.string()),
        ("row", pa.int64()),
        ("stage", pa.string()),  # read, language, rules, exact, minhash, ...
        ("rule", pa.string()),  # e.g. gopher_quality/gopher_short_doc
        ("value", pa.float64()),  # what was measured; null where no number applies
        ("threshold", pa.float64()),  # what it was compared with
        ("detail", pa.string()),  # id of the kept duplicate, the reading error, ...
    ]
)

SCORES = pa.schema(
    [
        ("model", pa.string()),
        ("domain", pa.string()),
        ("doc_id", DOC_ID),
        ("nats", pa.float64()),  # of all tokens of the text
        ("n_bytes", pa.int64()),  # of its UTF-8
        ("n_tokens", pa.int64()),  # without special tokens
        ("first_nats", pa.float64()),  # of the first token alone
        ("lost_bytes", pa.int64()),  # of its UTF-8, that decoding the tokens does not give back
        ("unk_bytes", pa.int64()),  # of its UTF-8, that became unknown tokens
        ("cluster", pa.int64()),  # documents of a domain with the same number are not independent
    ]
)

ITEMS = pa.schema(
    [
        ("model", pa.string()),
        ("task", pa.string()),
        ("subtask", pa.string()),  # subject, paradigm or language; null if the task has none
        ("group", pa.string()),  # items with the same group are not independent; null if unknown
        ("item", pa.string()),  # id, unique in its task
        ("item_hash", pa.string()),  # of all that is asked and what counts as right: equal hashes, equal questions
        ("correct", pa.float64()),  # acc, or exact match of a generated answer
        ("correct_norm", pa.float64()),  # acc_norm; null for tasks without it
        ("gold", pa.int32()),  # index of the right choice
        ("chosen", pa.int32()),  # index of the likeliest choice
        ("gold_nats", pa.float64()),  # minus the log-likelihood of the right choice
        ("wrong_nats", pa.float64()),  # of the likeliest wrong choice; null if there is one choice
        ("nats", pa.list_(pa.float64())),  # of every choice
        ("n_choices", pa.int32()),
        ("gold_bytes", pa.int64()),  # UTF-8 of the right choice as scored, with the blank before it
        ("gold_bytes_stripped", pa.int64()),  # without blanks before it
        ("near_tie", pa.bool_()),  # the two likeliest choices differ by less than rounding may
        ("generated", pa.string()),  # the generated answer; null where none is generated
    ]
)


def tokens_schema(id_bytes: int) -> pa.Schema:
    """Tokenized documents; `id_bytes` is 2 (uint16) or 4 (uint32), depending on the tokenizer's largest id."""
    return pa.schema(
        [
            ("doc_id", DOC_ID),
            ("tokens", pa.large_list(token_type(id_bytes))),
            ("n_bytes", pa.int64()),  # of the UTF-8 text, for bits per byte
            ("source", pa.string()),
            ("synthetic", pa.bool_()),  # made by a model or a rule from other text; null where nothing is known, as in imported sets
        ]
    )


def rows_schema(id_bytes: int, row_tokens: int) -> pa.Schema:
    """Packed rows of `row_tokens` ids. Segments are pieces of documents, in the order of the row."""
    return pa.schema(
        [
            ("input_ids", pa.list_(token_type(id_bytes), row_tokens)),
            ("doc_lengths", pa.list_(pa.int32())),  # tokens per segment; their sum is n_tokens
            ("doc_ids", pa.list_(DOC_ID)),
            ("doc_starts", pa.list_(pa.int64())),  # index of the segment's first token in its document
            ("source_ids", pa.list_(pa.int16())),
            ("n_tokens", pa.int32()),  # real (non-pad) tokens
        ]
    )


def token_type(id_bytes: int) -> pa.DataType:
    """uint16 for 2, uint32 for 4 bytes per token id."""
    return {2: pa.uint16(), 4: pa.uint32()}[id_bytes]


def require(schema: pa.Schema, needed: pa.Schema) -> list[str]:
    """Names of columns of `needed` that `schema` lacks or has with another type."""
    return [field.name for field in needed if field.name not in schema.names or schema.field(field.name).type != field.type]
