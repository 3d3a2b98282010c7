"""Cells that are measured again: they take the place of the same cells in the document of the run before."""

import json

SAME = ("form", "cpu", "cores")  # what two runs must have in common to stand on one page


def joined(document, file):
    """The document in `file` with the cells of `document` in it; `document` itself where there is none, or one of another form or machine."""
    if not file.exists():
        return document
    before = json.loads(file.read_text())
    if any(before.get(name) != document[name] for name in SAME):
        return document
    measured = {cell["name"]: cell for cell in document["cells"]}
    before["cells"] = [measured.pop(cell["name"], cell) for cell in before["cells"]] + list(measured.values())
    before.setdefault("again", []).append({"names": [cell["name"] for cell in document["cells"]],
                                           **{name: document[name] for name in ("date", "revision", "command")}})
    return before


def lines_of(document):
    """What a page of results says of it."""
    return [f"- Measured again: {', '.join(each['names'])}, {each['date']}, revision {each['revision'] or 'unknown'}, `{each['command']}`"
            for each in document.get("again", [])]
