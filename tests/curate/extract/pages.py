"""A page with an article, navigation, a list, a table and code."""

from tests.curate.corpus import document

PARAGRAPHS = [document(seed, 5).replace("\n", " ") for seed in range(4)]
PAGE = f"""<html><head><title>T</title><style>p {{color: red}}</style><script>var hidden = "script text";</script></head><body>
<nav><a href="/">Home</a> <a href="/a">About</a></nav>
<article><h1>A heading of the page</h1>{"".join(f"<p>{line}</p>" for line in PARAGRAPHS)}
<p>First line of the verse<br>second line of the verse</p>
<ul><li>an item of the list</li><li>another item of the list</li></ul>
<table><tr><td>a cell of the table</td><td>12 450</td></tr></table>
<pre>def f(x):
    return x + 1</pre></article><footer>Copyright, all rights reserved</footer></body></html>"""
