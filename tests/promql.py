"""Reads PromQL: what a query asks for, and what of it nobody shows."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import promql_parser
from promql_parser import AggregateExpr, BinaryExpr, Expr, MatchOp, StringLiteral, VectorSelector

Shown = Mapping[str, frozenset[str]]  # labels of samples by their names

# What Grafana puts in for them is a duration, or the name of a namespace or a model.
_INTERVAL = "$__rate_interval"


class Match(NamedTuple):
    """A value that a query asks for."""

    metric: str
    label: str
    value: str


def parse(query: str) -> Expr:
    """Return a query's tree.

    Raises:
        ValueError: it is no PromQL.
    """
    return promql_parser.parse(query.replace(_INTERVAL, "5m"))


def find_unshown(query: str, shown: Shown) -> list[str]:
    """Return what a query names and nobody shows: samples, labels that it matches, and those it groups by."""
    tree = parse(query)
    missing = [each.name or "" for each in _selectors(tree) if each.name not in shown]
    missing += [
        f"{match.metric}{{{match.label}}}"
        for match in find_matches(query)
        if match.metric in shown and match.label not in shown[match.metric]
    ]
    for node in _nodes(tree):
        missing += [f"by ({label})" for label in grouped_by(node) - _labels(node, shown)]
    return missing


def selected_names(query: str) -> set[str]:
    """Return the samples that a query asks for."""
    return {each.name or "" for each in _selectors(parse(query))}


def find_matches(query: str) -> list[Match]:
    """Return the values that a query asks for, each alternative of a regular expression by itself."""
    found = []
    for selector in _selectors(parse(query)):
        for matcher in selector.matchers.matchers:
            several = matcher.op in (MatchOp.Re, MatchOp.NotRe)
            values = matcher.value.split("|") if several else [matcher.value]
            found += [Match(selector.name or "", matcher.name, value) for value in values]
    return found


def grouped_by(node: Expr) -> set[str]:
    """Return the labels by which a node of a tree groups or matches what is below it."""
    if isinstance(node, AggregateExpr):
        return set(node.modifier.labels) if node.modifier else set()
    if isinstance(node, BinaryExpr) and node.modifier and node.modifier.matching:
        return {*node.modifier.matching.labels, *(node.modifier.group_labels or ())}
    return set()


def _labels(node: Expr, shown: Shown) -> set[str]:
    """Return the labels that anything below a node has, or is given."""
    labels = {label for each in _selectors(node) for label in shown.get(each.name or "", ())}
    counted = [each.param for each in _nodes(node) if isinstance(each, AggregateExpr)]
    return labels | {each.val for each in counted if isinstance(each, StringLiteral)}


def _selectors(node: Expr) -> Iterator[VectorSelector]:
    return (each for each in _nodes(node) if isinstance(each, VectorSelector))


def _nodes(node: Expr) -> list[Expr]:
    nodes = list[Expr]()
    promql_parser.walk(node, pre_visit=nodes.append)
    return nodes
