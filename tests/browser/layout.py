"""What the layout and the words of an open page may not have, whatever the page is about."""

from __future__ import annotations

from playwright.sync_api import Page

PROBLEMS_OF_LAYOUT = r"""() => {
  const problems = [];
  const is_shown = item => { const box = item.getBoundingClientRect(); return box.width > 1 && box.height > 1 && item.checkVisibility(); };
  const name = item => `${item.tagName.toLowerCase()}.${item.className} “${item.innerText.trim().slice(0, 40)}”`;
  const all = [...document.querySelectorAll('main *')].filter(is_shown).filter(item => !item.closest('.visually-hidden'));

  const width = document.scrollingElement.scrollWidth;
  if (width > innerWidth) problems.push(`${width} pixels wide`);

  const headings = all.filter(item => /^H[1-6]$/.test(item.tagName));
  const ones = headings.filter(item => item.tagName === 'H1').length;
  if (ones !== 1) problems.push(`${ones} first headings`);
  const levels = [...document.querySelectorAll('main :is(h1, h2, h3, h4)')].map(item => Number(item.tagName[1]));
  levels.forEach((level, at) => {
    const before = at ? levels[at - 1] : 0;
    if (level > before + 1) problems.push(before ? `h${level} after h${before}` : `begins with h${level}`);
  });

  const lines = item => {
    const range = document.createRange();
    range.selectNodeContents(item);
    return new Set([...range.getClientRects()].filter(box => box.width > 1).map(box => Math.round(box.bottom / 8))).size;
  };
  const can_scroll = item => ['auto', 'scroll'].includes(getComputedStyle(item).overflowX);
  for (const item of all) {
    if (['INPUT', 'TEXTAREA', 'SELECT', 'SVG'].includes(item.tagName.toUpperCase()) || item.closest('svg')) continue;
    const style = getComputedStyle(item);
    const is_cut = style.overflowX === 'hidden' && style.textOverflow !== 'ellipsis' && item.scrollWidth > item.clientWidth + 1;
    if (is_cut && !item.closest('.week, .office-week')) problems.push(`cut: ${name(item)}`);
    const is_word = !item.children.length && item.matches('a, button, dd, th, h1, h2') && /^[\w…]{1,14}$/.test(item.textContent.trim());
    if (is_word && lines(item) > 1) problems.push(`broken word: ${name(item)}`);
    if (can_scroll(item) && item.scrollWidth > item.clientWidth + 1 && item.tabIndex < 0 && !item.querySelector('a, button'))
      problems.push(`cannot be scrolled with the keyboard: ${name(item)}`);
    const frame = item.closest('table')?.parentElement;
    if (item.matches('tbody th') && can_scroll(frame) && item.offsetWidth > frame.clientWidth / 2)
      problems.push(`the name of a row leaves no room for its cells: ${name(item)}`);
  }
  return problems;
}"""

RAW_VALUES = r"""() => {
  const copy = document.querySelector('main').cloneNode(true);
  const quoted = 'pre, code, textarea, .turn, .lead-body, .answered, .asked, .job .who, .hint, .note[role=status], [role=alert]';
  copy.querySelectorAll(quoted).forEach(item => item.remove());
  document.body.append(copy);
  const text = copy.innerText;
  copy.remove();
  const kinds = {
    'a date or time in ISO 8601': /\b\d{4}-\d\d-\d\d\b/g,
    'a time of 24 hours': /\b(?:1[3-9]|2[0-3]|0\d):[0-5]\d\b(?! ?[ap]m)/gi,
    'a value of Python': /\b(?:True|False|NoneType|datetime)\b|<(?:function|class)\b/g,
    'a phone number without its format': /(?<![\w+])\+1\d{10}\b/g,
    'a singular with a plural': /(?<![\d.,:])\b1 (?:viewings|calls|days|minutes|hours|homes|agents|messages|rows|weeks|users)\b/g,
  };
  return Object.entries(kinds).flatMap(([what, pattern]) => [...new Set(text.match(pattern))].map(found => `${what}: ${found}`));
}"""


def layout_problems(page: Page) -> list[str]:
    """Return what is wrong with the layout of a page: too wide, cut texts, missing or skipped headings."""
    problems: list[str] = page.evaluate(PROBLEMS_OF_LAYOUT)
    return problems


def raw_values(page: Page) -> list[str]:
    """Return the values on a page that are written as programs write them. Quotations and examples do not count."""
    found: list[str] = page.evaluate(RAW_VALUES)
    return found
