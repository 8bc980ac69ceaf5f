import random
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from curate.lists.recipe import UrlListsRecipe
from curate.lists.urls import load_url_lists, measure_urls
from curate.rules.decide import decide, first_reason, load_rules

HOSTS = ["bad.com", "sub.fine.co.uk", "evil.github.io", "a.b.example.org", "81.2.69.160", "co.uk", "münchen.de"]
PARTS = ["bad.com", "fine.co.uk", "sub.fine.co.uk", "x.sub.fine.co.uk", "evil.github.io", "github.io", "a.b.example.org", "z.a.b.example.org", "b.example.org"]
PARTS += ["notbad.com", "81.2.69.160", "co.uk", "city.kawasaki.jp", "www.ck", "localhost"]
PATHS = ["", "/", "/page", "/casino/poker", "/casino-royale?poker=1", "/xxspinxx/", "/s-pi-n", "#frag", ":8080/x", "/hard/word", "/hardword"]


def url_lists(folder: Path, **extra: list[str]):
    lists = {"domains": HOSTS, "urls": ["http://fine.co.uk/page"], "hard_words": ["hard"], "soft_words": ["casino", "poker"], "subwords": ["spin"]} | extra
    for kind, lines in lists.items():
        (folder / kind).write_text("\n".join(["# a comment", *lines]) + "\n")
    return load_url_lists(UrlListsRecipe.model_validate({"lists": [{"path": str(folder / kind), "kind": kind} for kind in lists]}))


def test_verdicts_on_addresses_are_datatroves_but_for_its_missing_parents_and_ip_addresses(tmp_path):
    filters = pytest.importorskip("datatrove.pipeline.filters")
    pytest.importorskip("ahocorasick")
    from datatrove.data import Document
    from tldextract import TLDExtract

    peer = filters.URLFilter(
        extra_domains=HOSTS, extra_urls=["http://fine.co.uk/page"], banned_words=["hard"], soft_banned_words=["casino", "poker"], banned_subwords=["spin"],
        use_integrated_lists=False,
    )  # fmt: skip
    peer.tldextractor = TLDExtract(cache_dir=None, suffix_list_urls=())
    urls = [f"{scheme}{user}{host}{path}" for scheme in ("http://", "https://", "//", "") for user in ("", "me@") for host in PARTS for path in PATHS]
    signals = pl.DataFrame(measure_urls(pa.array(urls), url_lists(tmp_path)))
    ours = first_reason(decide(signals, load_rules("url_lists")), len(urls)).str.strip_prefix("url_lists/").fill_null("kept").to_list()
    theirs = [verdict if verdict is True else verdict[1] for verdict in (peer.filter(Document(text="", id="", metadata={"url": url})) for url in urls)]
    for url, own, other in zip(urls, ours, theirs, strict=True):
        other = "kept" if other is True else other
        assert own == other or own == "parent" or (own == "subdomain" and "81.2.69.160" in url), url


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://www.BAD.com/x", (1, 0, 0)),
        ("http://bad.com:80", (1, 1, 0)),
        ("http://deep.er.sub.fine.co.uk./", (0, 0, 1)),
        ("http://user:pw@[::1]:80/bad.com", (0, 0, 0)),
        ("bad.com//x", (1, 1, 0)),
    ],
)
def test_hosts_are_read_out_of_addresses_as_browsers_do(tmp_path, url, expected):
    signals = measure_urls(pa.array([url, None]), url_lists(tmp_path))
    blocked = tuple(signals[f"url_{part}_blocked"] for part in ("domain", "host", "parent"))
    assert tuple(column[0].as_py() for column in blocked) == expected
    assert all(column[1].as_py() is None for column in blocked)


def test_registrable_domains_are_those_of_tldextract(tmp_path):
    from tldextract import TLDExtract

    rng, extract = random.Random(0), TLDExtract(cache_dir=None, suffix_list_urls=())
    tails = ["com", "co.uk", "uk", "ck", "www.ck", "kawasaki.jp", "city.kawasaki.jp", "jp", "github.io", "公司.cn", "xn--55qx5d.cn", "zz", "b.br", "com.br"]
    hosts = [".".join([*rng.choices(["a", "bb", "www", "city", "公司"], k=rng.randint(0, 3)), rng.choice(tails)]) for _ in range(500)]
    domains = sorted({extract(host).top_domain_under_public_suffix for host in hosts} - {""})
    signals = measure_urls(pa.array([f"http://{host}/" for host in hosts]), url_lists(tmp_path, domains=domains))
    assert signals["url_domain_blocked"].to_pylist() == [int(bool(extract(host).top_domain_under_public_suffix)) for host in hosts]
