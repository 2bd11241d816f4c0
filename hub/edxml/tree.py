"""The small tree of a message, read by official names, with everything odd written down.

Owns: Node (one element, its children by official name) and Log (the findings of one reading).
Never: lets a value be cut by a comment or a child element; skips a second element where one belongs.
Source: hostile tests E5, E11 (threats); CVE-2025-29775 (a comment in a value).
"""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from hub.domain.findings import Finding, Severity
from hub.edxml import names
from hub.errors import NotEdxml


class Log:
    """Collects findings; a note that says the same again is kept once."""

    __slots__ = ("_seen", "findings")

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self._seen: set[tuple[str, ...]] = set()

    def note(self, code: str, where: str, **evidence: str) -> None:
        """Something was bent: `edxml.bent.<code>`."""
        if self._is_new(code, *evidence.values()):
            self.add(f"bent.{code}", Severity.NOTE, where=where, **evidence)

    def add(self, code: str, severity: Severity, *, where: str, **evidence: str) -> None:
        """Any other finding: `edxml.<code>`; the same one at the same place is kept once."""
        if self._is_new(code, where):
            self.findings.append(Finding("edxml", f"edxml.{code}", severity, where, evidence))

    def _is_new(self, *key: str) -> bool:
        if key in self._seen:
            return False
        self._seen.add(key)
        return True


class Node:
    """An element under its official name; `where` is its XPath in the message as received."""

    __slots__ = ("_inside", "_log", "element", "name")

    def __init__(self, element: etree._Element, name: str, *, log: Log) -> None:
        self.element, self.name, self._log = element, name, log
        self._inside: tuple[Node, ...] | None = None  # read once: a header is asked for some sixty names

    @property
    def where(self) -> str:
        """The XPath of this element."""
        return self.element.getroottree().getpath(self.element)

    @property
    def log(self) -> Log:
        """Where to write what is odd."""
        return self._log

    def all(self) -> tuple[Node, ...]:
        """The child elements in a namespace that is read, under their official names."""
        if self._inside is None:
            self._inside = tuple(self._children_read())
        return self._inside

    def _children_read(self) -> Iterator[Node]:
        for child in self.element.iterchildren(tag=etree.Element):
            tag = etree.QName(child)
            if not names.is_read(tag.namespace or ""):
                continue
            official = names.official(self.name, tag.localname)
            node = Node(child, official, log=self._log)
            if official != tag.localname:
                self._log.note("spelling", node.where, seen=tag.localname, standard=official)
            yield node

    def children(self, name: str) -> list[Node]:
        """The children of that official name, in their order."""
        return [node for node in self.all() if node.name == name]

    def child(self, name: str) -> Node | None:
        """The only child of that name; further ones are an error finding and are not read."""
        found = self.children(name)
        if len(found) > 1:
            self._log.add("duplicate_element", Severity.ERROR, where=found[1].where, field=name, count=str(len(found)))
        return found[0] if found else None

    def text(self, name: str) -> str:
        """The trimmed text of the only child of that name, or empty."""
        child = self.child(name)
        return child.value() if child else ""

    def value(self) -> str:
        """This leaf's trimmed text. Raises: NotEdxml when anything but text stands in it."""
        if len(self.element):
            raise NotEdxml("markup inside a value", reason="markup_in_value", where=self.where, seen=self.name)
        return (self.element.text or "").strip()


def parse(skeleton: bytes) -> etree._Element:
    """The root of the small tree; nothing is loaded or resolved. Raises: NotEdxml."""
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        huge_tree=False,
        load_dtd=False,
        dtd_validation=False,
        collect_ids=False,
    )
    try:
        return etree.fromstring(skeleton, parser)
    except etree.XMLSyntaxError as error:
        place = f"{error.lineno}:{error.offset}"
        raise NotEdxml(str(error), reason="malformed", where=place, seen=error.msg or "") from error
