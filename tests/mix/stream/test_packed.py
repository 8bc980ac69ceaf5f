import pytest

from mix.build import build
from mix.errors import MixError
from mix.stream import RowStream, open_mix
from shards.errors import ShardError
from shards.remote import Cache
from tests.mix.stream.conftest import as_rows


def test_rows_of_another_packing_are_refused(tmp_path, mix, two_sources, tokens):
    build(two_sources(out=tmp_path / "other", row_tokens=32))
    (tmp_path / "out" / "rows" / "law").rename(tmp_path / "gone")
    (tmp_path / "other" / "rows" / "law").rename(tmp_path / "out" / "rows" / "law")
    with pytest.raises(MixError, match="rows/law: these packed rows are not those of the mix's plan"):
        open_mix(tmp_path / "out")


def test_a_flipped_byte_in_packed_rows_is_found_when_the_file_is_read(tmp_path, mix):
    path = tmp_path / "out" / "rows" / "web" / "rows-00000-00000.arrow"
    damaged = bytearray(path.read_bytes())
    damaged[1000] ^= 1
    path.unlink()
    path.write_bytes(damaged)
    with pytest.raises(ShardError, match=r"rows-00000-00000\.arrow: checksum"):
        open_mix(tmp_path / "out").rows(0, 10)


@pytest.mark.parametrize("n_files", [1, 2])
def test_a_cache_too_small_for_the_mix_gives_the_same_rows(tmp_path, mix, n_files):
    sizes = [path.stat().st_size for path in (tmp_path / "out" / "rows").rglob("*.arrow")]
    assert len(sizes) > 1
    away = open_mix(f"file://{tmp_path}/out", cache=Cache(tmp_path / "cache", n_files * max(sizes)))
    stream = RowStream(away, 64)
    assert [row for batch in stream for row in as_rows(batch)] == as_rows(mix.rows(0, mix.n_rows))
    assert sum(path.stat().st_size for path in (tmp_path / "cache").rglob("rows-*.arrow")) <= n_files * max(sizes)
