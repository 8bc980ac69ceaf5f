"""Pages opened in Chromium: what a reader on a phone, on paper, or with a dark screen would find at fault."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

PHONE, PAPER = 390, 688
"""Widths in CSS pixels: of a phone, and of A4 without its margins of 14 mm."""

_FAULTS = r"""
([mode, width]) => {
  const faults = [];
  const say = (what, element) => faults.push(`${what}: <${element.tagName}> ${(element.textContent || '').trim().slice(0, 60)}`);
  const shown = element => element.checkVisibility ? element.checkVisibility() : true;
  const channels = color => (color.match(/[\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const luminance = color => {
    const [r, g, b] = channels(color).slice(0, 3).map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = element => {
    for (; element; element = element.parentElement) {
      const color = getComputedStyle(element).backgroundColor, c = channels(color);
      if (c.length < 4 || c[3] > 0.99) return color;
    }
    return 'rgb(255, 255, 255)';
  };
  if (document.documentElement.scrollWidth > width) faults.push(`the page is ${document.documentElement.scrollWidth} px wide`);
  const hasText = element => [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
  for (const element of document.body.querySelectorAll('*')) {
    if (!shown(element) || element.closest('.stack thead') && mode === 'phone') continue;
    const style = getComputedStyle(element), box = element.getBoundingClientRect(), inPlot = element.closest('svg');
    const scrolls = mode !== 'print' && element.parentElement.closest('.scroll');
    if (!inPlot && !scrolls && box.width && box.right > width + 1) say(`ends at ${Math.round(box.right)} px`, element);
    if (inPlot && element.tagName === 'text') {
      const plot = element.ownerSVGElement.getBoundingClientRect();
      if (box.right > plot.right + 2 || box.left < plot.left - 2) say('is cut by its plot', element);
    }
    if (element.tagName === 'PRE' && mode === 'print' && element.scrollHeight > element.clientHeight + 1) say('is clipped', element);
    if (mode === 'print' && element.matches('.bar i, .dot, .tag') && style.printColorAdjust !== 'exact') say('may be printed without its colour', element);
    if (!hasText(element)) continue;
    const matrix = inPlot && element.getScreenCTM();
    const scale = matrix ? Math.hypot(matrix.a, matrix.b) : 1, px = parseFloat(style.fontSize) * scale;
    if (px < 9 - 1e-3 && mode === 'phone') say(`text of ${px.toFixed(1)} px`, element);
    if (inPlot && /--c-(fffffe|000001)/.test(element.outerHTML)) continue;
    const [one, two] = [luminance(inPlot ? style.fill : style.color), luminance(ground(element))].sort((a, b) => b - a);
    const contrast = (one + 0.05) / (two + 0.05);
    const least = element.closest('[aria-hidden]') ? 3 : 4.5; // marks of a key are shapes, not text
    if (contrast < least - 1e-3) say(`contrast ${contrast.toFixed(2)}`, element);
  }
  if (mode === 'screen') {
    for (const table of document.querySelectorAll('table')) {
      if (!table.caption || !table.caption.textContent.trim()) say('has no caption', table);
      for (const header of table.querySelectorAll('th')) if (!header.scope) say('has no scope', header);
      const heads = [...table.querySelectorAll('thead th')].map(head => head.textContent.trim());
      if (new Set(heads).size < heads.length) say('two columns with one heading', table);
    }
    for (const plot of document.querySelectorAll('svg'))
      if (!plot.querySelector('desc') || plot.getAttribute('role') !== 'img' || !plot.getAttribute('aria-label')) say('has no description', plot);
    const ids = [...document.querySelectorAll('[id]')].map(element => element.id);
    if (new Set(ids).size < ids.length) faults.push('two elements with one id');
  }
  return [...new Set(faults)];
}
"""


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser without network; skips the test if playwright or Chromium is not installed."""
    api = pytest.importorskip("playwright.sync_api")
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium on this machine")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"], timeout=120_000)
        yield browser
        browser.close()


def faults(browser: Any, page: Path) -> list[str]:
    """Everything at fault with a page on a screen, a dark screen, a phone and paper, one line each: width, small or pale text, cut text, requests,
    errors, and tables or figures without words for those who can't see them."""
    found: list[str] = []
    for mode, width, scheme in (("screen", 1280, "light"), ("dark", 1280, "dark"), ("phone", PHONE, "light"), ("print", PAPER, "light")):
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        tab = context.new_page()
        tab.set_default_timeout(120_000)
        requests: list[str] = []
        _listen(tab, requests, found)
        if mode == "print":
            tab.emulate_media(media="print")
        tab.goto(page.as_uri())
        found += [f"{mode}: {fault}" for fault in tab.evaluate(_FAULTS, [mode, width])]
        found += [f"{mode}: asked for {url}" for url in requests if url != page.as_uri()]
        context.close()
    return found


def _listen(tab: Any, requests: list[str], found: list[str]) -> None:
    tab.on("request", lambda request: requests.append(request.url))
    tab.on("console", lambda message: found.append(f"console: {message.text}") if message.type == "error" else None)
    tab.on("pageerror", lambda error: found.append(f"error: {error}"))


def brightness(browser: Any, page: Path, scheme: str) -> float:
    """Mean brightness of the top of a page, 0 to 255, in a colour scheme."""
    import io

    import numpy as np
    from matplotlib.image import imread

    tab = browser.new_page(viewport={"width": 600, "height": 400}, color_scheme=scheme)
    tab.set_default_timeout(120_000)
    tab.goto(page.as_uri())
    image = imread(io.BytesIO(tab.screenshot()), format="png")
    tab.close()
    return float(255 * np.asarray(image)[..., :3].mean())
