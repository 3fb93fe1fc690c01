#!/usr/bin/env python3
"""docs/openapi.json has the routes of src/api/routes.c, no more and no fewer, the version of include/vecd.h, and no loose end: every
$ref leads somewhere, everything in components is used, operationIds differ, each error a route can give is described.

usage: check_openapi.py [ROOT]
"""
import json
import pathlib
import re
import sys

ROW = re.compile(r'\{VECD_HTTP_([A-Z]+), "([^"]+)", (\w+),')


def refs(value):
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for v in value.values():
            yield from refs(v)
    elif isinstance(value, list):
        for v in value:
            yield from refs(v)


def check(root):
    """Yields one line a fault; counts what was compared in check.n."""
    text = (root / "src" / "api" / "routes.c").read_text()
    doc = json.loads((root / "docs" / "openapi.json").read_text())
    check.n = 0
    routes = {(m.group(1).lower(), m.group(2)) for m in ROW.finditer(text)}
    listed = {(method, path) for path, item in doc["paths"].items() for method in item}
    for method, path in sorted(routes - listed):
        yield f"{method.upper()} {path} is in src/api/routes.c but not in docs/openapi.json"
    for method, path in sorted(listed - routes):
        yield f"{method.upper()} {path} is in docs/openapi.json but not in src/api/routes.c"
    check.n += len(routes & listed)
    if not routes:
        yield "src/api/routes.c: found no rows"

    version = re.search(r'VECD_VERSION\s+"([^"]+)"', (root / "include" / "vecd.h").read_text()).group(1)
    if doc["info"]["version"] != version:
        yield f"docs/openapi.json: info.version is {doc['info']['version']}, include/vecd.h has {version}"
    check.n += 1

    operations = [(method, path, op) for path, item in doc["paths"].items() for method, op in item.items()]
    ids = [op["operationId"] for _, _, op in operations]
    for twice in sorted({i for i in ids if ids.count(i) > 1}):
        yield f"docs/openapi.json: operationId {twice} stands twice"
    for method, path, op in operations:
        named = {p["name"] for p in map(lambda p: resolve(doc, p), op["parameters"]) if p and p["in"] == "path"}
        if named != set(re.findall(r"\{(\w+)\}", path)):
            yield f"docs/openapi.json: {method.upper()} {path}: path parameters are {sorted(named)}"
        missing = {"200", "400", "401", "408", "414", "431", "503"} - set(op["responses"])
        if missing:
            yield f"docs/openapi.json: {method.upper()} {path}: no response {', '.join(sorted(missing))}"
        check.n += 1

    used = set(refs(doc))
    for ref in sorted(used):
        if resolve(doc, {"$ref": ref}) is None:
            yield f"docs/openapi.json: {ref} leads nowhere"
    for kind, items in doc["components"].items():
        for name in items:
            if kind != "securitySchemes" and f"#/components/{kind}/{name}" not in used:
                yield f"docs/openapi.json: components/{kind}/{name} is not used"
            check.n += 1


def resolve(doc, value):
    while isinstance(value, dict) and "$ref" in value:
        at = doc
        for key in value["$ref"].removeprefix("#/").split("/"):
            at = at.get(key) if isinstance(at, dict) else None
        value = at
    return value


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parents[1])
    faults = list(check(root))
    for fault in faults:
        print(f"check_openapi: {fault}")
    print(f"check_openapi: {check.n} passed, {len(faults)} failed")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
