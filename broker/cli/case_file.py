"""Reads a case from a YAML or JSON file. Total: whatever the bytes are, a document or CaseError."""

import json
import sys
from collections.abc import Hashable
from importlib import import_module
from pathlib import Path
from typing import Any

from broker.core.governance.case import CaseError

MAX_BYTES = 256 * 1024
_MAX_DEPTH = 32


def read_document(path: Path) -> object:
    """The document in `path` (`-`: standard input): JSON when it is named so or can be read so, else YAML.

    Raises CaseError.
    """
    try:
        raw = sys.stdin.buffer.read(MAX_BYTES + 1) if str(path) == "-" else _bytes(path)
    except OSError as error:
        raise CaseError(f"{path}: {error.strerror or 'cannot be read'}") from None
    if len(raw) > MAX_BYTES:
        raise CaseError(f"{path}: a case holds at most {MAX_BYTES} bytes")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise CaseError(f"{path}: UTF-8 is expected") from None
    return parse(text, as_json=path.suffix == ".json" or _is_json(text))


def _is_json(text: str) -> bool:
    """Nearly all JSON is YAML, but not all: tabs, for one."""
    if not text.lstrip().startswith(("{", "[")):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def parse(text: str, *, as_json: bool) -> object:
    """The document in `text`. Raises CaseError: not well-formed, a key twice, an alias, or too deep."""
    try:
        return json.loads(text, object_pairs_hook=_unique) if as_json else _yaml(text)
    except CaseError:
        raise
    except RecursionError:
        raise CaseError("the document is nested too deeply") from None
    except (ValueError, OverflowError) as error:
        # Also scalars that resolve to a number or a date and then are none: 5,000 digits, 2026-99-99.
        raise CaseError(f"not a readable document: {error}") from None


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise CaseError("a field is given twice")
    return found


def _yaml(text: str) -> object:
    try:
        yaml: Any = import_module("yaml")  # ships no types; imported late so that JSON cases need no YAML package
    except ModuleNotFoundError:
        raise CaseError(
            "YAML needs the package pyyaml: pip install 'tongguan[broker]', or write the case as JSON"
        ) from None

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        """Plain data only: no aliases (they grow without bound), no merge keys, no key twice."""

        depth = 0

        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.events.AliasEvent):
                raise CaseError("YAML aliases are not read")
            self.depth += 1
            if self.depth > _MAX_DEPTH:
                raise CaseError("the document is nested too deeply")
            node = super().compose_node(parent, index)
            self.depth -= 1
            return node

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
            mapping: dict[Hashable, Any] = super().construct_mapping(node, deep=deep)
            if len(mapping) != len(node.value):
                raise CaseError("a field is given twice")
            return mapping

    try:
        return yaml.load(text, Loader)
    except yaml.YAMLError as error:
        raise CaseError(f"not YAML: {error}") from None
