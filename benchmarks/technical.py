"""Technical posts as release notes and security notices are written: a few sentences among front matter, code, addresses and checksums."""

import random
import re

LEAST_CHARS = 80
"""Of a paragraph that is taken."""

_NO_PROSE = re.compile(r"^---.*?^---|```.*?```|`[^`]*`|<[^>]*>|\]\([^)]*\)|\S*://\S*", re.DOTALL | re.MULTILINE)
_CODE = (
    "def main(argv):\n    for path in sorted(argv):\n        with open(path) as stream:\n            print(path, len(stream.read()))\n    return 0",
    'class Greeter\n  def greet(name)\n    puts "Hello #{name}"\n    @items.each { |item| process(item) }\n  end\nend',
    "const server = http.createServer((req, res) => {\n  res.writeHead(200, {'Content-Type': 'text/plain'});\n  res.end('ok');\n});",
    "$ git clone https://example.org/project.git && cd project\n$ ./configure --prefix=/usr/local && make -j8 install",
)


def technical_posts(texts: dict[str, list[str]], per_language: int, seed: int = 1) -> dict[str, list[str]]:
    """So many posts by language from paragraphs of its texts."""
    rng = random.Random(seed)
    paragraphs = {
        code: [line.strip() for text in own for line in _NO_PROSE.sub(" ", text).split("\n") if len(line) >= LEAST_CHARS] for code, own in texts.items()
    }
    return {code: [_post(rng, rng.sample(own, rng.randint(2, 4))) for _ in range(per_language)] for code, own in paragraphs.items() if len(own) >= 4}


def _post(rng: random.Random, paragraphs: list[str]) -> str:
    version = f"{rng.randint(1, 9)}.{rng.randint(0, 9)}.{rng.randint(0, 20)}"
    parts = [
        f'---\nlayout: news_post\ntitle: "Project {version} Released"\nauthor: "jdoe"\ndate: 2024-0{rng.randint(1, 9)}-19 10:00:00 +0000\n---',
        paragraphs[0],
    ]
    for _ in range(rng.randint(0, 2)):
        code = rng.choice(_CODE)
        parts.append(f"```\n{code}\n```" if rng.random() < 0.5 else "\n".join(f"    {line}" for line in code.split("\n")))
    parts.append(" ".join(paragraphs[1:]) + " [CVE-2024-8080](https://cve.example.org/cgi-bin/cvename.cgi?name=CVE-2024-8080)")
    for suffix in ("tar.gz", "tar.xz", "zip", "exe")[: rng.randint(0, 4)]:
        address = f"https://download.example.org/pub/project/{version}/project-{version}.{suffix}"
        sums = "\n".join(f"      {name}: {_hex(rng, n)}" for name, n in (("MD5", 32), ("SHA256", 64), ("SHA512", 128)))
        parts.append(f"* [{address}]({address})\n\n      SIZE: {rng.randint(10**6, 10**8)} bytes\n{sums}")
    return "\n\n".join(parts) + "\n"


def _hex(rng: random.Random, n: int) -> str:
    return f"{rng.getrandbits(4 * n):0{n}x}"
