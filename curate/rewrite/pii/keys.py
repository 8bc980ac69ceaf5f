"""Find secrets: keys and tokens with a recognisable form, private keys, and random values after names such as `api_key`."""

import math
import re
from collections import Counter

import numpy as np
import polars as pl
import pyarrow as pa

from curate.rewrite.pii.byte_classes import byte_spans

_NAMED = r"""(?i:key|token|secret)["'’]?\s*(?:[:=]|=>|:=)\s*["'‘]?[A-Za-z0-9_\-/+=.~]{16}"""
"""A cheap superset of the named values below, for the Rust regex engine."""
_FORMS = r"""
    \b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b                                   # Amazon Web Services
    | \bgh[pousr]_[A-Za-z0-9]{36,255}\b | \bgithub_pat_[A-Za-z0-9_]{22,255}\b  # GitHub
    | \bglpat-[A-Za-z0-9_-]{20,}                                               # GitLab
    | \bxox[abeoprs]-[A-Za-z0-9-]{10,} | hooks\.slack\.com/services/[A-Za-z0-9/]{20,}
    | \bAIza[A-Za-z0-9_-]{35} | \bGOCSPX-[A-Za-z0-9_-]{28} | \bya29\.[A-Za-z0-9_-]{20,}
    | \b[sr]k_(?:live|test)_[A-Za-z0-9]{16,}                                   # Stripe
    | \bsk-[A-Za-z0-9_-]{32,}                                                   # OpenAI, Anthropic
    | \bhf_[A-Za-z]{34}\b | \bnpm_[A-Za-z0-9]{36}\b | \bpypi-AgE[A-Za-z0-9_-]{50,} | \bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}
    | -----BEGIN\ (?:[A-Z]+\ )*PRIVATE\ KEY(?:\ BLOCK)?-----[^-]{20,}(?:-----END\ [A-Z\ ]+-----)?
"""
"""Valid for both the Rust regex engine, which finds the documents, and Python's, which finds the positions."""
_FORM = re.compile(_FORMS, re.VERBOSE)
_WEB_TOKEN = r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"
"""JSON Web Token (RFC 7519), for the Rust regex engine."""
_WEB_TOKEN_START = re.compile(r"(?<![A-Za-z0-9_-])(?>[A-Za-z0-9_-]*?\b(eyJ)[A-Za-z0-9_-]{10,}+)\.eyJ[A-Za-z0-9_-]{10,}+\.[A-Za-z0-9_-]{10,}")
"""The same for Python's engine in linear time: only the first `eyJ` of a run is tried, because every later one would be matched to the run's end again."""
_NAMED_VALUE = re.compile(
    r"""(?i)(?:api|access|secret|auth|private|client|app|account|bearer|refresh|encryption|signing)[_\-. ]?(?:access[_\-]?)?(?:key|token|secret)
    (?:[_\-]?id)?["'’]?\s*(?:=>|:=|[:=])\s*["'‘]?([A-Za-z0-9_\-/+=.~]{16,256})""",
    re.VERBOSE,
)
MIN_ENTROPY = 3.5
"""Least entropy of a named value, in bits per character. Sixteen random hexadecimal digits have 3.4 on average, thirty-two 3.7, words about 3."""


def find_keys(texts: pa.Array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Secrets in texts (n_docs,) → document, start, end, (n,) int64 each; start and end are byte offsets in the text. Matches may overlap."""
    column = pl.Series("text", texts)
    docs = (column.str.contains(f"(?x){_FORMS}") | column.str.contains(_WEB_TOKEN) | column.str.contains(_NAMED)).arg_true().to_list()
    spans = [(doc, *span) for doc in docs for span in _spans(texts[doc].as_py())]
    table = np.array(spans, np.int64).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2]


def _spans(text: str) -> list[tuple[int, int]]:
    spans = [match.span() for match in _FORM.finditer(text) if not match[0].startswith("sk-") or _is_random(match[0])]
    spans += [(match.start(1), match.end()) for match in _WEB_TOKEN_START.finditer(text)]
    spans += [match.span(1) for match in _NAMED_VALUE.finditer(text) if _is_random(match[1])]
    return byte_spans(text, sorted(spans))


def _is_random(value: str) -> bool:
    return any(char.isdigit() for char in value) and any(char.isalpha() for char in value) and _entropy(value) >= MIN_ENTROPY


def _entropy(secret: str) -> float:
    """Shannon entropy in bits per character."""
    n = len(secret)
    return -sum(count / n * math.log2(count / n) for count in Counter(secret).values())
