"""Read a page as a browser does, for tests that need none: elements, their attributes and the text in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "input"}


@dataclass
class Element:
    name: str
    attributes: dict[str, str | None]
    parts: list[Element | str] = field(default_factory=list)

    @property
    def elements(self) -> Iterator[Element]:
        """All elements in it, in order."""
        for part in self.parts:
            if isinstance(part, Element):
                yield part
                yield from part.elements

    @property
    def text(self) -> str:
        return "".join(part if isinstance(part, str) else part.text for part in self.parts)

    def all(self, name: str, class_: str = "") -> list[Element]:
        return [one for one in self.elements if one.name == name and class_ in (one.attributes.get("class") or "")]

    def one(self, name: str, class_: str = "") -> Element:
        (found,) = self.all(name, class_)
        return found


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({key for key, _ in attrs}) == len(attrs), f"{tag} has an attribute twice"
        one = Element(tag, dict(attrs))
        self.open[-1].parts.append(one)
        if tag not in VOID:
            self.open.append(one)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].parts.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().name == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        self.open[-1].parts.append(data)


def read_page(text: str) -> Element:
    """Return the whole page. Fails where an element is not closed, or closed out of order."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    assert len(reader.open) == 1, f"{reader.open[-1].name} is not closed"
    return reader.open[0]
