"""Language identification by any fastText model: lid.176 (Grave 2018), GlotLID (Kargaran et al. 2023, https://arxiv.org/abs/2310.16248), your own."""

import numpy as np
import pyarrow as pa

from curate.languages.model import MAX_CANDIDATES, UNKNOWN, Languages, pairs
from curate.languages.sample import sample_texts
from curate.models.fasttext_kernel import FastTextKernel


class FastTextModel:
    """Codes are the model's labels without `__label__`: `en` with lid.176, `eng_Latn` with GlotLID. Scores are the model's probabilities.

    Raises CurateError if the file is not a fastText classifier.
    """

    def __init__(self, path: str, max_bytes: int | None = None) -> None:
        self._max_bytes = max_bytes
        self._kernel = FastTextKernel(path)
        self.codes = np.array([*self._kernel.labels, UNKNOWN], dtype=object)

    def identify(self, texts: pa.Array) -> Languages:
        """See `LanguageModel.identify`. Line feeds count as spaces, as in datatrove's filter. Without `max_bytes` the whole text is read."""
        top = self._kernel.top(self._sampled(texts))
        return Languages(pa.array(self.codes[top.label[:, 0]], pa.string()), top.score[:, 0])

    def candidates(self, texts: pa.Array, least: float) -> pa.Array:
        """See `LanguageModel.candidates`."""
        top = self._kernel.top(self._sampled(texts), MAX_CANDIDATES)
        return pairs(self.codes, top.label, top.score, least)

    def _sampled(self, texts: pa.Array) -> pa.Array:
        return texts if self._max_bytes is None else sample_texts(texts, self._max_bytes)
