"""Weights in low bits: the same text scored by a model whose linear layers bitsandbytes has quantized.

bitsandbytes runs on a CPU, too, slowly. Embeddings, norms and the output head keep their dtype, as transformers does by default.
"""

import logging
import warnings
from typing import Any

from eval.errors import EvalError
from eval.models import ModelFolder


def require_bitsandbytes() -> None:
    """Raise EvalError if bitsandbytes is not installed."""
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # it warns of kernels that are only faster
    try:
        import bitsandbytes  # noqa: F401
    except ImportError:
        raise EvalError("low_bits: bitsandbytes is not installed; pip install 'cptkit[lean]', or set low_bits: null") from None


def load_quantized(folder: ModelFolder, weights: str, dtype: str, device: str) -> Any:
    """The model with weights `int8` or `nf4`, in evaluation mode on `device`.

    Raises EvalError if the folder's weights are quantized already, or if the model cannot be loaded so.
    """
    import torch
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    if folder.config.get("quantization_config"):
        raise EvalError(f"low_bits: the weights of model {folder.name} are quantized already; give the folder of its full weights, or set low_bits: null")
    plain = getattr(torch, dtype)
    if weights == "int8":
        settings = BitsAndBytesConfig(load_in_8bit=True)
    else:
        settings = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=plain)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model: Any = AutoModelForCausalLM.from_pretrained(
                folder.path, dtype=plain, local_files_only=True, quantization_config=settings, device_map={"": device}
            )
        except Exception as error:
            reason = str(error).strip().split("\n")[0][:200]
            raise EvalError(f"low_bits: model {folder.name} cannot be loaded as {weights} ({reason}); set low_bits: null, or leave {weights} out") from None
    return model.eval()
