"""lm-evaluation-harness, imported when it is needed: without network, without its progress bars, with its caches in a scratch folder."""

import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from eval.errors import EvalError
from shards.scratch import Scratch

_NOISY = ("lm_eval", "lm-eval", "datasets", "accelerate", "httpx", "huggingface_hub", "fsspec")
_OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_UPDATE_DOWNLOAD_COUNTS": "0"}


def require_harness() -> None:
    """Raise EvalError if the packages of the extra `tasks` are not installed."""
    for package in ("lm_eval", "datasets", "accelerate"):
        try:
            metadata.version(package)
        except metadata.PackageNotFoundError:
            raise EvalError(f"`evaluate tasks` needs the package {package}; pip install 'cptkit[tasks]'") from None


@contextmanager
def harness() -> Iterator[SimpleNamespace]:
    """The parts of lm-evaluation-harness and of datasets that we call: `evaluate`, `HFLM`, `TaskManager`, `Dataset`, `DatasetDict`.

    Within the block nothing is downloaded, no progress bar is drawn, only errors are logged, and data sets are cached in a folder that is deleted at the
    end. Raises EvalError if the packages are not installed.
    """
    require_harness()
    scratch = Scratch()
    with ExitStack() as stack:
        stack.callback(scratch.close)
        folders = {"HF_DATASETS_CACHE": str(scratch.folder / "datasets"), "HF_MODULES_CACHE": str(scratch.folder / "modules")}
        for name, value in (_OFFLINE | folders).items():
            stack.callback(_restore_variable, name, os.environ.get(name))
            os.environ[name] = value
        for name in _NOISY:
            stack.callback(logging.getLogger(name).setLevel, logging.getLogger(name).level)
            logging.getLogger(name).setLevel(logging.CRITICAL)
        stack.enter_context(_no_bars())
        yield _import(stack, scratch.folder)


def _import(stack: ExitStack, scratch: Path) -> SimpleNamespace:
    import datasets
    import huggingface_hub.constants
    from lm_eval.evaluator import evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    # These were read from the environment when the packages were first imported, which may have been before this block.
    for module, values in (
        (datasets.config, {"HF_DATASETS_CACHE": scratch / "datasets", "HF_MODULES_CACHE": str(scratch / "modules"), "HF_HUB_OFFLINE": True}),
        (huggingface_hub.constants, {"HF_HUB_OFFLINE": True}),
    ):
        for name, value in values.items():
            stack.callback(setattr, module, name, getattr(module, name))
            setattr(module, name, value)
    return SimpleNamespace(evaluate=evaluate, HFLM=HFLM, TaskManager=TaskManager, Dataset=datasets.Dataset, DatasetDict=datasets.DatasetDict)


@contextmanager
def _no_bars() -> Iterator[None]:
    """Within the block, progress bars of tqdm are not drawn: the harness has no setting for those of tasks."""
    from tqdm.std import tqdm

    original = tqdm.__init__

    def init(self: Any, *arguments: Any, **options: Any) -> None:
        original(self, *arguments, **(options | {"disable": True}))

    tqdm.__init__ = init
    try:
        yield
    finally:
        tqdm.__init__ = original


def _restore_variable(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


def versions() -> dict[str, str]:
    """Versions of what answers depend on. Raises EvalError if the harness is not installed."""
    require_harness()
    return {name: metadata.version(name) for name in ("cptkit", "torch", "transformers", "lm_eval")}


def first_line(error: BaseException) -> str:
    """The first line of a library's message, shortened for a one-line message of ours."""
    return (str(error).strip() or type(error).__name__).split("\n")[0][:200]
