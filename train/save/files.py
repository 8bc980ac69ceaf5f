"""Names of the files of a model folder. Those that training does not change are copied byte for byte, and never parsed and written again."""

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

from shards.names import name_problem

INDEX = "model.safetensors.index.json"
"""Says which weight file holds which tensor, if there are several."""

TOKENIZER_FILES = (
    "tokenizer*", "special_tokens_map.json", "added_tokens.json", "vocab.*", "merges.txt", "*.model", "*.tiktoken", "tekken.json",
    "chat_template*", "additional_chat_templates/*",
)  # fmt: skip
"""Patterns of tokenizer files and chat templates."""

OTHER_FILES = ("generation_config.json", "*processor_config.json", "LICEN[SC]E*", "licen[sc]e*", "NOTICE*", "COPYING*", "USE_POLICY*")
"""Patterns of the other files that belong to a trained model as they did to its base. A model card (README.md) does not: it describes the base model."""


def copy_files(source: Path, target: Path, patterns: Sequence[str] = (*TOKENIZER_FILES, *OTHER_FILES)) -> None:
    """Copy the files of the folder `source` that match a pattern; hashes of the copies equal those of the originals. A file whose name our records
    cannot hold is left out with a warning."""
    for path in sorted({path for pattern in patterns for path in source.glob(pattern) if path.is_file()}):
        if problem := name_problem(path.name):
            logging.warning("%s: not copied; %s", path, problem)
            continue
        copy = target / path.relative_to(source)
        copy.parent.mkdir(exist_ok=True)
        shutil.copyfile(path, copy)
