"""Findings as SARIF 2.1.0, which code hosts show beside the code (OASIS, docs.oasis-open.org/sarif/sarif/v2.1.0)."""

from __future__ import annotations

import json

import dodai
from dodai.features.lint import finding


def text(found: list[finding.Finding]) -> str:
    """One run of the tool."""
    rules = sorted({one.rule for one in found})
    run = {
        "tool": {
            "driver": {
                "name": "dodai lint",
                "version": dodai.__version__,
                "rules": [_rule(next(one for one in found if one.rule == rule)) for rule in rules],
            }
        },
        "results": [_result(one, rules.index(one.rule)) for one in found],
    }
    log = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=False)


def _rule(example: finding.Finding) -> dict[str, object]:
    return {
        "id": example.rule,
        "shortDescription": {"text": example.rule.replace("-", " ")},
        "help": {"text": f"See {example.docs}."},
        "defaultConfiguration": {"level": example.level},
    }


def _result(one: finding.Finding, index: int) -> dict[str, object]:
    place: dict[str, object] = {"artifactLocation": {"uri": one.path.replace(" ", "%20")}}
    if one.line:
        place["region"] = {"startLine": one.line}
    return {
        "ruleId": one.rule,
        "ruleIndex": index,
        "level": one.level,
        "message": {"text": f"{one.why}; remedy: {one.remedy}"},
        "locations": [{"physicalLocation": place}],
    }
