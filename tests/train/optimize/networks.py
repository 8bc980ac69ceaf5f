"""Small networks with an embedding, hidden matrices, vectors and a head, and a loss."""

import torch
import torch.nn.functional as F
from torch import nn


class Tiny(nn.Module):
    """Token ids (n,) → logits (n, 32); `width` columns in every hidden matrix."""

    def __init__(self, width=16):
        super().__init__()
        self.embedding = nn.Embedding(32, width)
        self.up = nn.Linear(width, 3 * width)
        self.down = nn.Linear(3 * width, width, bias=False)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 32, bias=False)

    def get_input_embeddings(self):
        return self.embedding

    def get_output_embeddings(self):
        return self.head

    def forward(self, ids):
        hidden = self.embedding(ids)
        return self.head(self.norm(hidden + self.down(F.silu(self.up(hidden)))))


class Experts(nn.Module):
    """Three experts in two parameters, all of which see every token."""

    def __init__(self, width):
        super().__init__()
        self.gate_up_proj = nn.Parameter(0.2 * torch.randn(3, 2 * 8, width))
        self.down_proj = nn.Parameter(0.2 * torch.randn(3, width, 8))

    def forward(self, hidden, shares):
        gate, up = torch.einsum("nd,eid->nei", hidden, self.gate_up_proj).chunk(2, dim=-1)
        return torch.einsum("nei,edi,ne->nd", F.silu(gate) * up, self.down_proj, shares)


class TinyMixture(Tiny):
    """The same with a router and experts."""

    def __init__(self, width=16):
        super().__init__(width)
        self.router, self.experts = nn.Linear(width, 3, bias=False), Experts(width)

    def forward(self, ids):
        hidden = self.embedding(ids)
        hidden = hidden + self.experts(hidden, self.router(hidden).softmax(dim=-1))
        return self.head(self.norm(hidden + self.down(F.silu(self.up(hidden)))))


def tiny(seed=0, width=16, made=Tiny):
    """The same weights for the same seed."""
    torch.manual_seed(seed)
    return made(width)


def ids_of(step, n=24):
    """Token ids of a step."""
    return torch.randint(0, 32, (n,), generator=torch.Generator().manual_seed(step))


def loss_of(network, ids):
    """Mean cross-entropy of the token three further on."""
    return F.cross_entropy(network(ids).float(), (ids + 3) % 32)


def take_steps(network, weights, steps, lr=0.01):
    """Train on the batches of `steps`; the last result."""
    for step in steps:
        loss = loss_of(network, ids_of(step))
        loss.backward()
        result = weights.step(lr, loss.detach())
    return result
