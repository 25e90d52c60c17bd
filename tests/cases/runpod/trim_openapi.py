"""Makes openapi.json: the parts of RunPod's OpenAPI file (https://api.runpod.io/v2/openapi.json) that tests look at.

Only structure is kept: paths, methods, parameters, statuses and schemas; no prose and no examples.

    python tests/cases/runpod/trim_openapi.py OPENAPI.json
"""

import json
import sys
from pathlib import Path

PATHS = (
    "/v2/pods",
    "/v2/pods/{id}",
    "/v2/pods/{id}/action",
    "/v2/pods/{id}/logs",
    "/v2/catalog/gpus",
    "/v2/catalog/gpus/{id}",
    "/v2/catalog/datacenters",
    "/v2/network-volumes",
    "/v2/network-volumes/{id}",
    "/v2/billing/pods",
)
PROSE = ("description", "example", "examples", "summary", "title")
ERRORS = "#/components/schemas/ErrorResponse"


def main(source):
    whole = json.loads(Path(source).read_text())
    paths = {
        path: {method: operation(whole, one) for method, one in whole["paths"][path].items() if method != "parameters"}
        for path in PATHS
    }
    schemas, wanted = {}, references(paths) | {ERRORS.rsplit("/", 1)[1]}
    while wanted - set(schemas):
        name = sorted(wanted - set(schemas))[0]
        schemas[name] = bare(whole["components"]["schemas"][name])
        wanted |= references(schemas[name])
    made = {
        "x-source": "https://api.runpod.io/v2/openapi.json, trimmed by trim_openapi.py",
        "version": whole["info"]["version"],
        "paths": paths,
        "components": {"schemas": schemas},
    }
    Path(__file__).with_name("openapi.json").write_text(json.dumps(made, indent=1, sort_keys=True) + "\n")


def operation(whole, one):
    responses = {}
    shared = whole["components"]["responses"]
    for status, named in one["responses"].items():
        response = shared[named["$ref"].rsplit("/", 1)[1]] if "$ref" in named else named
        media = next(iter(response.get("content", {}).values()), {})
        responses[status] = bare(media.get("schema"))
    body = one.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    return {"parameters": parameters(whole, one), "request": bare(body), "responses": responses}


def parameters(whole, one):
    """Return those beside the path, by name; what a query holds more than once is one text with commas."""
    shared, found = whole["components"]["parameters"], {}
    for named in one.get("parameters", []):
        said = shared[named["$ref"].rsplit("/", 1)[1]] if "$ref" in named else named
        assert said["schema"].get("type") != "array" or said.get("explode") is False, said
        found[said["name"]] = {key: bare(said.get(key)) for key in ("in", "required", "schema")}
    return found


def bare(value):
    """Return a schema without prose; a property may be called like a piece of it."""
    if isinstance(value, dict):
        return {
            key: {name: bare(one) for name, one in part.items()} if key == "properties" else bare(part)
            for key, part in value.items()
            if not (key in PROSE and key != "properties") and not key.startswith("x-")
        }
    return [bare(one) for one in value] if isinstance(value, list) else value


def references(value):
    if isinstance(value, dict):
        own = {value["$ref"].rsplit("/", 1)[1]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(references(one) for one in value.values()))
    return set().union(*(references(one) for one in value)) if isinstance(value, list) else set()


if __name__ == "__main__":
    main(sys.argv[1])
