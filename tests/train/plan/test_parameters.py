from tests.train.parts import tiny_network
from train.plan.parameters import count_parameters


def test_parameters_are_counted_by_what_they_are_for():
    counted = count_parameters(tiny_network("qwen2"))
    assert sum(counted.by_part.values()) == counted.total == counted.trainable
    assert counted.by_part["embeddings"] == counted.by_part["head"] == 96 * 32
    assert counted.by_part["norms"] == 5 * 32
    assert counted.by_part["feed-forward"] == 2 * 3 * 32 * 48
