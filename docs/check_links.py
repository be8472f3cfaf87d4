"""Follow every link within a built site to its page and its anchor: ``python docs/check_links.py docs/_build/html``."""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit


class Page(HTMLParser):
    """Links of a page, and the anchors that it offers."""

    def __init__(self, path):
        super().__init__()
        self.links, self.anchors = set(), set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        """Note what a tag links to and what it is called."""
        given = dict(attrs)
        self.anchors |= {given[name] for name in ("id", "name") if given.get(name)}
        self.links |= {given[name] for name in ("href", "src") if given.get(name)}


def broken_links(site):
    """Return ``page: link`` for each link that leads nowhere, and how many were followed."""
    pages = {path: Page(path) for path in sorted(site.rglob("*.html"))}
    broken, followed = [], 0
    for path, page in pages.items():
        for link in sorted(page.links):
            target, anchor = urldefrag(link)
            if urlsplit(link).scheme or link.startswith("//") or "{" in link:
                continue
            followed += 1
            file = unquote(target.partition("?")[0])
            goal = (path.parent / file).resolve() if file else path
            goal = goal / "index.html" if goal.is_dir() else goal
            missing = goal in pages and anchor and unquote(anchor) not in pages[goal].anchors
            if missing or not goal.exists():
                broken.append(f"{path.relative_to(site)}: {link}")
    return broken, followed


if __name__ == "__main__":
    site = Path(sys.argv[1]).resolve()
    broken, followed = broken_links(site)
    print("\n".join(broken) or f"All {followed} links within the site lead somewhere.")
    sys.exit(1 if broken or not followed else 0)
