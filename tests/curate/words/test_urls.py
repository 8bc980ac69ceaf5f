import random

from tests.curate.words.reading import by_spacy, split


def test_urls_stay_whole_where_spacy_keeps_them_whole():
    schemes, hosts = (
        ["", "http://", "a+b://", "é://", "://", "u:p@", "http://u@", "@", "a@b.c-"],
        ["foo.org", "foo-.org", "a.b.c.de", "foo.Org", "x_y.com", "1.2.3.4", "foo.c", "münchen.de", "例え.日本", "u@h.com", ".com", "10.0.0.1", "1.5"],
    )
    tails = ["", "/", "/a-b/c", ":80", ":8", ":80/x", ":٣٤", "/@a.b-c", "?q=a-b", "#a:b", ".a-b", "-", ",", ")"]
    text = " ".join(scheme + host + tail for scheme in schemes for host in hosts for tail in tails)
    assert split([text]) == [by_spacy(text)]


def test_ip_addresses_with_paths_stay_whole_where_spacy_keeps_them_whole():
    octets = (
        "0",
        "9",
        "٣",
        "10",
        "01",
        "1٣",
        "16",
        "31",
        "32",
        "99",
        "127",
        "168",
        "169",
        "172",
        "192",
        "199",
        "200",
        "223",
        "224",
        "254",
        "255",
        "256",
        "2٣4",
    )
    rng = random.Random(4)
    hosts = [".".join(rng.choices(octets, k=rng.choice((3, 4, 4, 4, 4, 5)))) for _ in range(400)]
    hosts += [
        "10.1.1.1",
        "127.0.0.1",
        "169.254.9.9",
        "192.168.1.1",
        "172.16.1.1",
        "172.2٣.1.1",
        "172.15.9.1",
        "172.32.1.1",
        "1٠.1.1.1",
        "223.255.255.254",
        "8.8.8.8",
    ]
    text = " ".join(
        first + host + tail for host in hosts for first, tail in (("", "/a-b"), ("x://", ":80/a-b"), ("a-b@", ""), ("²_://", ":٣٤?a-b"), ("", ":8/a-b"))
    )
    assert split([text]) == [by_spacy(text)]


def test_of_several_ats_the_right_one_begins_the_host():
    texts = ["a-b@c@d.org", "a@b.org@c-d", "a@b-c.org/@d", "a-b@@c.org", "a-b@c.org:80@d-e", "a-@" * 60 + "b.org", "a-@b.org/" * 60, "a-b@1.2.3.4@5.6.7.8/c-d"]
    assert split(texts) == [by_spacy(text) for text in texts]
