"""Which graphs a run compiles. Attention is varlen with stand-in kernels, as on CUDA."""

import json

import pytest
import torch
from functorch.compile import make_boxed_func, min_cut_rematerialization_partition
from torch._dynamo.backends.common import aot_autograd

from tests.train.parts import pack, random_rows, tiny_model, write_tokenizer
from tests.train.runs import curve, go
from tests.train.test_architectures import network_of
from tests.train.varlen_kernels import varlen_kernels
from train import compilation
from train.batch import make_batch
from train.compilation import compile_layers, missing, warn_of_uncompiled_parts
from train.errors import TrainError
from train.recompute import checkpoint_activations

N_KINDS = {"llama": 1, "qwen3": 1, "gemma3": 2}
CUDA = torch.device("cuda")


class Graphs:
    """A backend that runs graphs as they are, and remembers of each whether it was made for gradients, and whether it is dynamic."""

    def __init__(self):
        self.made = []

    def __call__(self, module, inputs):
        self.made.append((torch.is_grad_enabled(), any(isinstance(value, torch.SymInt) for value in inputs)))
        return module.forward

    def count(self, *, grad):
        return sum(made == grad for made, _ in self.made)


@pytest.fixture
def graphs(monkeypatch):
    """Graphs that layers compile to, on the CUDA path."""
    torch._dynamo.reset()
    backend, compile_module = Graphs(), torch.nn.Module.compile
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self, **options: compile_module(self, **options | {"backend": backend}))
    monkeypatch.setattr("train.session.choose_backend", lambda *_: "varlen")
    with varlen_kernels(), torch._dynamo.config.patch(recompile_limit=8, fail_on_recompile_limit_hit=False):
        yield backend
    torch._dynamo.reset()


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["none", "selective", "full"])
@pytest.mark.parametrize("architecture", N_KINDS)
def test_layers_compile_to_one_static_graph_per_kind_and_shape(graphs, write_recipe, tmp_path, held_out, architecture, mode):
    base = tmp_path / "base"
    network_of(architecture).save_pretrained(base)
    write_tokenizer(base)
    evaluate = {"every_steps": 2, "at_start": True, "domains": {"even": str(held_out)}}
    settings = {"model": str(base), "compile": True, "activation_checkpointing": mode, "steps": 4, "evaluate": evaluate}
    go(write_recipe(**settings, batch_rows=10, micro_batch_rows=4))  # micro-batches of 4, 4 and 2 rows
    assert not any(dynamic for _, dynamic in graphs.made)
    assert graphs.count(grad=True) == 2 * N_KINDS[architecture]
    assert graphs.count(grad=False) == N_KINDS[architecture]  # four documents of 40 tokens: one batch of 4 rows


def test_checks_of_the_model_leave_no_graphs(graphs, write_recipe, tmp_path, caplog):
    go(write_recipe(compile=True, steps=1, activation_checkpointing="full"))
    assert graphs.made == [(True, False)]
    assert json.loads((tmp_path / "run" / "run.json").read_text())["compiled"] is True
    assert "uncompiled" not in caplog.text


def test_a_run_that_reaches_the_limit_of_graphs_ends(graphs, write_recipe, monkeypatch):
    monkeypatch.setattr(compilation, "MAX_GRAPHS", 1)
    with torch._dynamo.config.patch(recompile_limit=1), pytest.raises(TrainError, match=r"compile: .*recompile_limit.*set compile: false"):
        go(write_recipe(compile=True, steps=2, batch_rows=6))  # micro-batches of 4 and 2 rows


def test_a_layer_that_cannot_be_compiled_as_a_whole_ends_the_run(graphs, write_recipe, monkeypatch):
    attend = torch.nn.attention.varlen.varlen_attn
    monkeypatch.setattr("train.varlen.varlen_attn", lambda *arguments, **options: (torch._dynamo.graph_break(), attend(*arguments, **options))[1])
    with pytest.raises(TrainError, match="compile: a decoder layer could not be compiled"):
        go(write_recipe(compile=True, steps=1))


@pytest.mark.parametrize("mode", ["none", "full"])
def test_auto_compiles_what_it_can_and_names_what_splits_a_layer(graphs, monkeypatch, caplog, mode):
    attend = torch.nn.attention.varlen.varlen_attn
    monkeypatch.setattr("train.varlen.varlen_attn", lambda *arguments, **options: (torch._dynamo.graph_break(), attend(*arguments, **options))[1])
    monkeypatch.setattr(compilation, "missing", lambda device: None)
    model = tiny_model()
    model.backend = "varlen"
    checkpoint_activations(model.network, mode)
    torch._dynamo.utils.counters.clear()
    with monkeypatch.context() as on_cuda:
        on_cuda.setattr(type(model), "device", CUDA)
        assert compile_layers(model, "auto")
    model.loss(make_batch(pack(random_rows(1)), 2)).total.backward()
    warn_of_uncompiled_parts(model)
    assert "parts of the decoder layers run uncompiled (Call to `torch._dynamo.graph_break()`" in caplog.text


@pytest.fixture(scope="module")
def compiled():
    """(loss, gradients, graph of the forward pass, graph of the backward pass) of a compiled step in each mode of checkpointing."""
    return {mode: run_compiled(mode) for mode in ("none", "selective", "full")}


def run_compiled(mode):
    graphs = []

    def keep(module, inputs):
        graphs.append(module.graph)
        return make_boxed_func(module.forward)

    torch._dynamo.reset()
    backend = aot_autograd(fw_compiler=keep, bw_compiler=keep, partition_fn=min_cut_rematerialization_partition)
    model = tiny_model()
    model.backend = "varlen"
    checkpoint_activations(model.network, mode)
    for layer in model.layers():
        layer.compile(dynamic=False, fullgraph=True, backend=backend)
    with varlen_kernels():
        loss = model.loss(make_batch(pack(random_rows(3)), 2))
        loss.total.backward()
    forward, backward = graphs
    return loss.total.item(), [parameter.grad for parameter in model.network.parameters()], names(forward), names(backward)


def names(graph):
    return [str(node.target) for node in graph.nodes if node.op == "call_function"]


@pytest.mark.parametrize("mode", ["none", "selective", "full"])
def test_compiled_layers_compute_what_uncompiled_layers_compute(compiled, mode):
    model = tiny_model()
    loss = model.loss(make_batch(pack(random_rows(3)), 2))
    loss.total.backward()
    found, gradients, _, _ = compiled[mode]
    assert found == pytest.approx(loss.total.item(), rel=1e-5)
    for one, parameter in zip(gradients, model.network.parameters(), strict=True):
        torch.testing.assert_close(one, parameter.grad, rtol=1e-4, atol=1e-4)


def test_compiled_selective_checkpointing_keeps_attention_and_every_second_product(compiled):
    attention, product = "torch_attn._varlen_attn.default", "aten.mm.default"
    backward = {mode: graphs[3] for mode, graphs in compiled.items()}
    assert [backward[mode].count(attention) for mode in backward] == [0, 0, 1]
    n_products = backward["none"].count(product)  # 7 products of a layer have two gradients each
    assert n_products == 14
    assert [backward[mode].count(product) - n_products for mode in ("selective", "full")] == [3, 6]  # no gradient needs the result of the last


@pytest.mark.parametrize("setting", ["auto", False])
def test_on_a_cpu_layers_are_compiled_on_request_only(setting):
    assert not compile_layers(tiny_model(), setting)


def test_auto_compiles_on_cuda_where_the_tools_are(monkeypatch, caplog):
    model = tiny_model()
    monkeypatch.setattr(type(model), "device", CUDA)
    monkeypatch.setattr(compilation, "missing", lambda device: None)
    with torch._dynamo.config.patch(recompile_limit=8, fail_on_recompile_limit_hit=False):
        assert compile_layers(model, "auto")
    assert all(layer._compiled_call_impl is not None for layer in model.layers())
    monkeypatch.setattr(compilation, "missing", lambda device: "no C compiler")
    assert not compile_layers(model, "auto")
    assert "layers run uncompiled, because this machine has no C compiler" in caplog.text


def test_what_the_compiler_lacks_is_named(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr("train.loss.kernel.installed", lambda: True)
    assert missing(torch.device("cpu")) == "no C++ compiler"
    assert missing(CUDA) == "no C compiler"
    with pytest.raises(TrainError, match=r"compile: true: this machine has no C\+\+ compiler; install it, or set compile: false"):
        compile_layers(tiny_model(), True)
    monkeypatch.setattr("train.loss.kernel.installed", lambda: False)
    assert missing(CUDA) == "no Triton"
    monkeypatch.setattr("shutil.which", lambda name: name)
    monkeypatch.setattr("sysconfig.get_path", lambda name: "/nowhere")
    assert missing(torch.device("cpu")).startswith("no headers of Python")


@pytest.mark.slow
def test_a_compiled_run_on_a_cpu_learns_what_an_uncompiled_one_learns(write_recipe, tmp_path):
    for name, setting in (("compiled", True), ("plain", False)):
        go(write_recipe(compile=setting, steps=3), f"out={tmp_path / name}")
    one, other = (curve(tmp_path / name) for name in ("compiled", "plain"))
    assert [record["loss"] for record in one] == pytest.approx([record["loss"] for record in other], rel=1e-4)
