import numpy as np

from curate.decontaminate.evals import EvalItem
from curate.decontaminate.index import build_index, load_index, load_names, save_index


def test_an_index_read_from_disk_finds_the_same(tmp_path):
    items = [("a", [EvalItem("x:0", ["one two three four five"])]), ("b", [EvalItem("y:0", ["two three four five six", "five"])])]
    index, names = build_index(items, 4, 2)
    save_index(tmp_path, index, names)
    loaded = load_index(tmp_path)
    assert load_names(tmp_path) == names == (["a", "b"], ["x:0", "y:0"])
    assert all(np.array_equal(before, after) for before, after in zip(index, loaded, strict=True))
    shared = [gram for gram in range(len(loaded.keys)) if loaded.text(gram) == "two three four five"]
    assert loaded.items[loaded.item_offsets[shared[0]] : loaded.item_offsets[shared[0] + 1]].tolist() == [0, 1]
    assert loaded.item_grams.tolist() == [2, 2]
