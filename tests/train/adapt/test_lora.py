import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("peft")
pytest.importorskip("bitsandbytes")

PROGRAM = """
import sys
from tests.train.parts import tiny_network
from train.adapt.lora import add_adapters
from train.adapt.recipe import LoraRecipe
add_adapters(tiny_network(), LoraRecipe(rank=2, targets=["q_proj"]))
assert "bitsandbytes" in sys.modules
from transformers.integrations import hub_kernels
assert not hub_kernels._kernels_enabled
"""


def test_adapters_ask_the_hub_for_no_code_even_where_kernels_is_installed(tmp_path: Path) -> None:
    (tmp_path / "kernels").mkdir()
    (tmp_path / "kernels" / "__init__.py").write_text(
        "import pathlib\ndef get_kernel(*a, **k):\n    pathlib.Path(__file__).with_name('asked').touch()\n    raise OSError('asked for code')\n"
    )
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[3])])
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "kernels" / "asked").exists()
    assert "kernels-community" not in done.stdout + done.stderr
