"""Any fastText language model by path: lid.176 (Grave 2018), GlotLID (Kargaran et al. 2023, https://arxiv.org/abs/2310.16248), your own."""

import numpy as np
import pyarrow as pa

from curate.models.fasttext_kernel import FastTextKernel
from curate.models.language import UNKNOWN, Languages


class FastTextModel:
    """Codes are the model's labels without `__label__`: `en` of lid.176, `eng_Latn` of GlotLID. Scores are its probabilities.

    Raises CurateError if the file is no fastText classifier.
    """

    def __init__(self, path: str) -> None:
        self._kernel = FastTextKernel(path)
        self.codes = np.array([*self._kernel.labels, UNKNOWN], dtype=object)

    def identify(self, texts: pa.Array) -> Languages:
        """See `LanguageModel.identify`. Line feeds count as blanks, as in datatrove's filter."""
        top = self._kernel.top(texts)
        return Languages(pa.array(self.codes[top.label[:, 0]], pa.string()), top.score[:, 0])
