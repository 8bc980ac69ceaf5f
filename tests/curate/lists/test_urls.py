import gzip
import json
import random
import re
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from curate.errors import CurateError
from curate.lists.bad_words import BadWords, count_words, draws
from curate.lists.files import url_entries
from curate.lists.hashes import word_set
from curate.lists.recipe import BadWordsRecipe, UrlListsRecipe
from curate.lists.urls import load_url_lists, measure_urls
from curate.pipeline.run import run
from curate.recipe import CurateRecipe
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


def test_lists_are_read_from_hosts_files_easylist_and_compressed_files(tmp_path):
    with gzip.open(tmp_path / "hosts.gz", "wt") as file:
        file.write("# x\n0.0.0.0 Ad.example\n127.0.0.1\ttrack.example # why\nplain.example\n*.wild.example\n\n")
    assert url_entries(str(tmp_path / "hosts.gz"), "domains") == ["ad.example", "plain.example", "track.example", "wild.example"]
    rules = [
        "[Adblock Plus 2.0]",
        "! c",
        "||ad.com^",
        "||pop.net^$popup,third-party",
        "||x.com^$domain=y.com",
        "||x.com/ad.png",
        "||i.com^$image",
        "@@||ok.com^",
    ]
    (tmp_path / "easylist.txt").write_text("\n".join([*rules, "ad.com##.b", "-ad-300x600-"]))
    assert url_entries(str(tmp_path / "easylist.txt"), "adblock") == ["ad.com", "pop.net"]
    with pytest.raises(CurateError, match=r"lists\.urls: .*easylist\.txt has no entries of kind adblock"):
        (tmp_path / "easylist.txt").write_text("! nothing\n")
        url_entries(str(tmp_path / "easylist.txt"), "adblock")


WORDS = ["foo", "foo bar", "bär", "x", "naïve-ish", "бар", "日本"]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([*WORDS, *"fob _-.é1日本क\u093f", "Foo", "BAR", "БАР", " ", "\n"]), max_size=12).map("".join), st.booleans())
@example("foo", True)
@example("xfoo foox _foo foo_ fooé foo\u093f", True)
def test_words_are_found_where_c4s_expression_finds_them(text, flanked):
    escaped = "|".join(map(re.escape, WORDS))
    slow = re.search(rf"(?:\W|^)({escaped})(?:\W|$)" if flanked else escaped, text.lower())
    counted = count_words(pa.array([text], pa.large_string()), word_set(WORDS), flanked)
    assert (counted[0] > 0) == (slow is not None)


def test_verdicts_on_words_are_those_of_datatroves_filter(tmp_path, monkeypatch):
    module = pytest.importorskip("datatrove.pipeline.filters.c4_filters")
    from datatrove.data import Document

    for language, words in (("en", WORDS), ("ja", ["日本", "sm"])):
        (tmp_path / language).write_text("\n".join(words) + "\n")
    monkeypatch.setattr(module, "cached_asset_path_or_download", lambda url, **_: str(tmp_path / url.rsplit("/", 1)[1]))
    peer = module.C4BadWordsFilter(fail_on_missing_language=False)
    rng = random.Random(0)
    vocabulary = [*WORDS, "fooish", "Sm", "今日本", "good", "day", "FOO", "x-ray", "_x", "bar", "\n"]
    texts = ["".join(rng.choice(vocabulary) + rng.choice([" ", "", ". "]) for _ in range(rng.randint(0, 6))) for _ in range(400)]
    languages = [rng.choice(["en", "ja", "xx", "eng_Latn"]) for _ in texts]
    counts = BadWords(BadWordsRecipe(path=str(tmp_path))).count(pa.array(texts), pa.array(languages))
    theirs = [peer.filter(Document(text=text, id="", metadata={"language": language})) is not True for text, language in zip(texts, languages, strict=True)]
    assert [bool(count) for count in counts.to_pylist()] == theirs
    assert {count for count, language in zip(counts.to_pylist(), languages, strict=True) if language == "xx"} == {None}


def test_a_run_keeps_the_asked_share_of_documents_with_such_words(tmp_path):
    (tmp_path / "words").write_text("foo\n")
    texts = [f"document {number} with {'foo' if number % 2 else 'food'}" for number in range(400)]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps({"text": text, "url": "http://a.bad.com/"}) + "\n" for text in texts))
    (tmp_path / "domains").write_text("bad.com\n")
    base = {"name": "t", "inputs": [str(tmp_path / "in.jsonl")], "language": None, "dedup": {"exact": False, "minhash": None}}
    lists = {"bad_words": {"path": str(tmp_path / "words")}, "urls": {"lists": [{"path": str(tmp_path / "domains")}]}}
    rules = [{"name": "bad_words", "thresholds": {"document_removed_with_badwords": 0.3}}]
    report = run(CurateRecipe.model_validate({**base, "lists": lists, "rules": rules}), tmp_path / "out", 1).report
    assert 200 + 35 < report["counts"]["kept"] < 200 + 85
    report = run(CurateRecipe.model_validate({**base, "lists": lists, "rules": ["url_lists"]}), tmp_path / "out", 1).report
    assert report["counts"]["kept"] == 0


def test_which_documents_are_kept_depends_on_their_content_alone():
    texts = pa.array(["one", "two", "three"])
    numbers = draws(texts, pa.array([1, 0, None])).to_pylist()
    assert numbers[1:] == [None, None] and 0 <= numbers[0] < 1
    assert draws(pa.array(["zero", "one"]), pa.array([3, 1])).to_pylist()[1] == numbers[0]


def test_a_missing_list_is_refused_by_name(tmp_path):
    (tmp_path / "en").write_text("foo\n")
    with pytest.raises(CurateError, match=r"lists\.bad_words: .* has no list de; its lists: en"):
        BadWords(BadWordsRecipe(path=str(tmp_path), language="de"))
    with pytest.raises(CurateError, match=r"lists\.bad_words: no lists at"):
        BadWords(BadWordsRecipe(path=str(tmp_path / "none")))
