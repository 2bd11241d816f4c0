"""The rules of the house, as tests: who imports whom, how large things are, what must be documented.

Source: docs/architecture.md.
"""

from __future__ import annotations

import ast
import doctest
import importlib
import pkgutil
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter import api
from importlinter.cli import lint_imports

import hub
from hub.cli import docs
from hub.domain.findings import catalogue, error_sentences

TREE = Path(__file__).resolve().parents[1]
CODE = sorted(path for top in ("hub", "adapters") for path in (TREE / top).rglob("*.py"))
OURS = [*CODE, *sorted((TREE / "tests").rglob("*.py")), TREE / "docker" / "gunicorn.conf.py"]
WRITTEN = (".py", ".md", ".toml", ".cfg", ".yaml", ".yml", ".conf", ".sql", ".xsd", ".mako", ".html", ".css", "")
MOST_LINES, MOST_FUNCTION_LINES, DEEPEST = 400, 40, 3

# Exemptions, each with its reason: "path::function" or "path".
LONG_FUNCTIONS = {
    "hub/store/migrations/versions/0001_pre_first_schema.py::upgrade": "one statement per table",
    "hub/store/migrations/versions/0001_pre_first_schema.py::downgrade": "one statement per table",
    "hub/store/migrations/versions/0002_post_genuine.py::_evidence": "one statement per table",
    "hub/store/migrations/versions/0004_post_percentages.py::_counting": "one statement per table",
    "hub/store/migrations/versions/0004_post_percentages.py::_kept": "one statement per table",
}
LONG_FILES: dict[str, str] = {}
DEEP = {
    "hub/broker/embedded.py::_next": "under the lock, while running, over the lanes, the first that waits",
    "hub/edxml/attachments.py::open_wrapped": "the archive must be closed on every way out",
    "hub/processes/clock.py::run": "while running, survive trouble, as the leader, one round",
}
NO_DOCSTRING: dict[str, str] = {}

# Modules that no test imports by name, each with what tests them instead.
TESTED_OTHERWISE: dict[str, str] = {}

BRANCHES = (ast.If, ast.For, ast.While, ast.With, ast.Try, ast.Match, ast.AsyncFor, ast.AsyncWith)


def shown(path: Path) -> str:
    return path.relative_to(TREE).as_posix()


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(TREE).with_suffix("").parts).removesuffix(".__init__")


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def depth(nodes: list[ast.stmt]) -> int:
    """How deep the statements are nested; `elif` is no deeper than its `if`."""
    return max((depth_of(node) for node in nodes), default=0)


def depth_of(node: ast.stmt) -> int:
    if isinstance(node, ast.FunctionDef | ast.ClassDef) or not isinstance(node, BRANCHES):
        return 0
    if isinstance(node, ast.Match):
        return 1 + depth([child for case in node.cases for child in case.body])
    inner = depth(node.body)
    handlers = [child for handler in getattr(node, "handlers", []) for child in handler.body]
    orelse = getattr(node, "orelse", [])
    if isinstance(node, ast.If) and len(orelse) == 1 and isinstance(orelse[0], ast.If):
        return max(1 + inner, depth(orelse))
    return 1 + max(inner, depth(orelse), depth(handlers), depth(getattr(node, "finalbody", [])))


class TestImports:
    def test_all_contracts_are_kept(self, capsys: pytest.CaptureFixture[str]) -> None:
        ended = lint_imports(config_filename=str(TREE / "setup.cfg"), no_cache=True)
        assert ended == 0, capsys.readouterr().out

    def test_adapters_are_told_of_every_room_that_they_may_not_see(self) -> None:
        contracts = api.read_configuration(str(TREE / "setup.cfg"))["contracts_options"]
        named = next(c for c in contracts if c["name"].startswith("Adapters see"))["forbidden_modules"]
        allowed = {"hub.ports", "hub.domain", "hub.edxml", "hub.errors"}
        rooms = {f"hub.{module.name}" for module in pkgutil.iter_modules(hub.__path__)}
        assert allowed | set(named) == rooms

    def test_nothing_is_imported_inside_a_function(self) -> None:
        inside = [
            f"{shown(path)}:{node.lineno}"
            for path in OURS
            for function in functions(tree_of(path))
            for node in ast.walk(function)
            if isinstance(node, ast.Import | ast.ImportFrom)
        ]
        assert inside == []


class TestShape:
    def test_no_file_is_longer_than_400_lines(self) -> None:
        long = {shown(path): n for path in OURS if (n := len(path.read_text("utf-8").splitlines())) > MOST_LINES}
        assert set(long) == set(LONG_FILES), long

    def test_no_function_is_longer_than_40_lines(self) -> None:
        long = {
            f"{shown(path)}::{function.name}"
            for path in CODE
            for function in functions(tree_of(path))
            if function.end_lineno - function.lineno >= MOST_FUNCTION_LINES
        }
        assert long == set(LONG_FUNCTIONS)

    def test_nothing_is_nested_deeper_than_three(self) -> None:
        deep = {
            f"{shown(path)}::{function.name}"
            for path in CODE
            for function in functions(tree_of(path))
            if depth(function.body) > DEEPEST
        }
        assert deep == set(DEEP)

    def test_the_depth_is_measured_as_people_see_it(self) -> None:
        three = "for a in b:\n  if a:\n    try:\n      pass\n    except E:\n      pass\n  elif c:\n    pass"
        assert depth(ast.parse(three).body) == 3
        assert depth(ast.parse(three.replace("pass\n  elif", "with d:\n        pass\n  elif")).body) == 4

    def test_every_module_says_what_it_does(self) -> None:
        silent = {
            shown(path)
            for path in OURS
            if (tree := tree_of(path)).body and ast.get_docstring(tree) is None and "versions" not in path.parts
        }
        assert silent == set(NO_DOCSTRING)

    def test_module_docstrings_are_short(self) -> None:
        long = {shown(path) for path in CODE if len((ast.get_docstring(tree_of(path)) or "").splitlines()) > 7}
        assert long == set(), "at most five lines, and no more than one of them broken in two"

    def test_public_functions_say_what_they_promise(self) -> None:
        silent = {
            f"{shown(path)}::{node.name}"
            for path in CODE
            if "versions" not in path.parts
            for node in tree_of(path).body
            if isinstance(node, ast.FunctionDef | ast.ClassDef)
            and not node.name.startswith("_")
            and ast.get_docstring(node) is None
        }
        assert silent == set()


class TestTests:
    def test_every_module_is_tested_by_name_or_through_its_room(self) -> None:
        """A test imports it, or imports a module of its room that uses it (the API's paths through the app)."""
        uses = {dotted(path): set(imports(path)) for path in CODE if tree_of(path).body}
        uses = {name: used for name, used in uses.items() if ".migrations." not in name}  # run by tests/store
        tested = {name for path in (TREE / "tests").rglob("*.py") for name in imports(path)} & set(uses)
        while (
            reached := {inner for user in tested for inner in uses[user] & set(uses) if room(inner) == room(user)}
            - tested
        ):
            tested |= reached
        assert set(uses) - tested == set(TESTED_OTHERWISE)

    def test_every_room_has_its_tests(self) -> None:
        rooms = {path.parent.name for path in (TREE / "hub").glob("*/__init__.py")}
        rooms = {room for room in rooms if any(tree_of(p).body for p in (TREE / "hub" / room).rglob("*.py"))}
        silent = {room for room in rooms if not any((TREE / "tests" / room).rglob("test_*.py"))}
        assert silent == set()

    @pytest.mark.parametrize("module", [dotted(path) for path in CODE if ">>>" in path.read_text("utf-8")])
    def test_examples_in_docstrings_are_true(self, module: str) -> None:
        outcome = doctest.testmod(importlib.import_module(module))
        assert outcome.attempted > 0
        assert outcome.failed == 0


def room(module: str) -> str:
    """`hub.web` for hub.web.api.inbox; the command line is one room with its entry point."""
    return "hub.cli" if module == "hub.__main__" else ".".join(module.split(".")[:2])


def imports(path: Path) -> Iterator[str]:
    """The modules that a file imports, also as `from package import module`."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


class TestWords:
    def test_every_finding_code_has_a_sentence_and_every_sentence_a_code(self) -> None:
        words = {text for path in CODE if path.stem != "docs" for text in texts(path)}
        prefixes = {text.split("{")[0] for text in words if "{" in text}
        unused = {code for code in catalogue() if not used(code, words, prefixes)}
        assert unused == set(), "sentences for codes that no code uses"
        rooms = {code.split(".")[0] for code in catalogue()}
        codes = {text for text in words if re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", text) and text.split(".")[0] in rooms}
        errors = set(error_sentences())
        assert codes - set(catalogue()) - errors == set(), "codes without a sentence"

    def test_every_error_has_its_sentences(self) -> None:
        assert {kind.code for kind in docs.error_classes()} - set(error_sentences()) == set()

    @pytest.mark.parametrize("file", sorted((TREE / "schemas" / "codes").glob("*.toml")), ids=lambda file: file.name)
    def test_every_sentence_is_whole(self, file: Path) -> None:
        rows = error_sentences() if file.name == "errors.toml" else catalogue()
        own = {code: row for code, row in rows.items() if named_in(tomllib.loads(file.read_text("utf-8")), code)}
        assert own
        for code, row in own.items():
            assert all(row.get(part, "").strip() for part in ("vi", "en", "fix_vi", "fix_en", "source")), code
            assert placeholders(row["vi"]) == placeholders(row["en"]), f"{code}: vi and en show different facts"

    def test_the_reference_pages_are_current(self) -> None:
        assert docs.stale(TREE / "docs") == [], "run: hub docs write"

    def test_every_setting_is_used(self) -> None:
        text = "\n".join(path.read_text("utf-8") for path in OURS if path.name != "settings.py")
        unused = {
            name for name in settings_names() if f".{name}" not in text and name not in {"secrets_dir", "trust_dir"}
        }
        assert unused == set()


def texts(path: Path) -> Iterator[str]:
    """Every string in a file; an f-string up to its first blank, with `{` for the rest."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr) and node.values and isinstance(node.values[0], ast.Constant):
            yield f"{node.values[0].value}{{"


def used(code: str, words: set[str], prefixes: set[str]) -> bool:
    """True when the code stands in the source, whole or as the beginning of an f-string and words for its end."""
    if code in words:
        return True
    begun = [prefix for prefix in prefixes if prefix.endswith(".") and code.startswith(prefix)]
    return any(used(code.removeprefix(prefix), words, prefixes) for prefix in begun)


def named_in(rows: object, code: str) -> bool:
    for part in code.split("."):
        rows = rows.get(part) if isinstance(rows, dict) else None
    return isinstance(rows, dict)


def placeholders(sentence: str) -> set[str]:
    """The facts that a sentence shows; `{field_vi}` and `{field_en}` are one fact in two languages."""
    return {name.removesuffix("_vi").removesuffix("_en") for name in re.findall(r"{(\w+)}", sentence)}


def settings_names() -> list[str]:
    found = next(n for n in tree_of(TREE / "hub" / "settings.py").body if getattr(n, "name", "") == "Settings")
    return [node.target.id for node in found.body if isinstance(node, ast.AnnAssign)]


class TestTree:
    def test_no_file_names_a_machine_or_a_registry(self) -> None:
        # Spelt in pieces, or this file would find itself.
        home, root, work = "/" + "home/", "/" + "root/", "/" + "work/"
        registries = "|".join(["pypi" + r"\.org", "index" + "-url", "files.python" + "hosted"])
        forbidden = re.compile(f"({home}|{root}|{work}|{registries})")
        guilty = [
            f"{shown(path)}:{number}"
            for path in written_files()
            for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
            if forbidden.search(line)
        ]
        assert guilty == []

    def test_no_work_is_left_for_later(self) -> None:
        later = re.compile("TO" + "DO|FIX" + "ME|X" + "XX")
        guilty = [shown(path) for path in written_files() if later.search(path.read_text("utf-8"))]
        assert guilty == []

    def test_refused_names_are_not_used(self) -> None:
        refused = {"exchange", "message", "service", "manager", "handler", "util", "utils", "common", "core", "base",
                   "helpers"}  # fmt: skip
        assert {shown(path) for path in CODE if path.stem in refused} == set()

    def test_every_adapter_is_an_entry_point(self) -> None:
        text = (TREE / "setup.cfg").read_text("utf-8")
        group = text.split("hub.adapters =\n")[1].split("\n\n")[0].split("[")[0]
        named = set(re.findall(r"= (adapters\.[\w.]+):", group))
        assert named == {dotted(path) for path in CODE if path.parts[-3] == "adapters" and path.name != "__init__.py"}


def written_files() -> Iterator[Path]:
    tops = ("hub", "adapters", "schemas", "tests", "docker", "docs", ".ci")
    for top in tops:
        yield from (p for p in sorted((TREE / top).rglob("*")) if p.is_file() and p.suffix in WRITTEN)
    yield from (p for p in sorted(TREE.glob("*")) if p.is_file() and p.suffix in WRITTEN and p.name != "LICENSE")
