"""Small faults of a module's source, as mutation testing makes them."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_COMPARISONS: dict[type[ast.cmpop], list[type[ast.cmpop]]] = {
    ast.Lt: [ast.LtE, ast.GtE],
    ast.LtE: [ast.Lt, ast.Gt],
    ast.Gt: [ast.GtE, ast.LtE],
    ast.GtE: [ast.Gt, ast.Lt],
    ast.Eq: [ast.NotEq],
    ast.NotEq: [ast.Eq],
    ast.Is: [ast.IsNot],
    ast.IsNot: [ast.Is],
    ast.In: [ast.NotIn],
    ast.NotIn: [ast.In],
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.LShift: ast.RShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
_SIMPLE = (ast.Expr, ast.AugAssign, ast.Delete, ast.Raise, ast.Continue, ast.Break)
"""Statements that can be left out, besides some assignments."""


@dataclass(frozen=True)
class Mutant:
    """One fault of a module: its line, what it is in words, and the faulty source."""

    line: int
    what: str
    source: str


def _replacements(node: ast.AST) -> Iterator[ast.AST]:
    """Nodes that can stand in the place of `node`."""
    match node:
        case ast.Compare():
            for i, operator in enumerate(node.ops):
                for other in _COMPARISONS[type(operator)]:
                    changed: Any = copy.deepcopy(node)
                    changed.ops[i] = other()
                    yield changed
        case ast.BoolOp():
            changed = copy.deepcopy(node)
            changed.op = ast.And() if isinstance(node.op, ast.Or) else ast.Or()
            yield changed
        case (
            ast.BinOp(left=ast.Constant(value=bytes() | str()))
            | ast.BinOp(right=ast.Constant(value=bytes() | str()))
        ):
            pass  # of an operator that does not exist there, any test would fail
        case ast.BinOp(op=ast.Div()):  # of numbers, or of paths
            yield node.left
        case ast.BinOp() | ast.AugAssign() if type(node.op) in _OPERATORS:
            changed = copy.deepcopy(node)
            changed.op = _OPERATORS[type(node.op)]()
            yield changed
        case ast.UnaryOp():
            yield node.operand
        case ast.Constant(value=bool()):
            yield ast.Constant(not node.value)
        case ast.Constant(value=int() | float()):
            yield ast.Constant(node.value + 1)
            yield ast.Constant(node.value - 1)
        case ast.Constant(value=str()):
            yield ast.Constant(f"{node.value!s}x")
        case ast.If() | ast.IfExp() | ast.While() if not isinstance(node.test, ast.Compare | ast.UnaryOp):
            changed = copy.deepcopy(node)
            changed.test = ast.UnaryOp(ast.Not(), node.test)
            yield changed
        case ast.comprehension(ifs=[_, *_]):
            changed = copy.deepcopy(node)
            changed.ifs = []
            yield changed
        case ast.ExceptHandler():
            changed = copy.deepcopy(node)
            changed.body = [ast.Raise()]
            yield changed
        case ast.Return(value=ast.AST()) if not isinstance(node.value, ast.Constant):
            yield ast.Return(ast.Constant(None))
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):  # without a name, any test would fail
            yield ast.Pass()
    if isinstance(node, _SIMPLE):
        yield ast.Pass()


def _is_text(node: ast.AST) -> bool:
    """True for what only people or type checkers read, for imports and for round bounds."""
    match node:
        case ast.Import() | ast.ImportFrom() | ast.JoinedStr() | ast.arguments(defaults=[], kw_defaults=[]):
            return True
        case ast.Expr(value=ast.Constant()):  # a docstring
            return True
        case ast.Assign(targets=[ast.Name()], value=ast.Constant(value=int() as bound)) if bound >= 32:
            return True
        case ast.BinOp(left=ast.Constant(value=1), op=ast.LShift()):
            return True
        case ast.If(test=ast.Name("TYPE_CHECKING")) | ast.Subscript(value=ast.Name("Literal")):
            return True
    return False


def _places(node: ast.AST) -> Iterator[tuple[ast.AST, str, int | None]]:
    """Every node whose fault is of interest, as parent, field and index."""
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "bases", "type", "cause"):
            continue
        for index, each in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(each, ast.AST) or _is_text(each):
                continue
            yield node, field, index
            if isinstance(each, ast.Raise):  # its inside is a message
                continue
            yield from _places(each)


def mutants(source: str) -> list[Mutant]:
    """Every fault of a module's source."""
    tree, found, seen = ast.parse(source), [], set()
    for parent, field, index in _places(tree):
        before = getattr(parent, field)
        node = before if index is None else before[index]
        for other in _replacements(node):
            _put(other, parent, field, index)
            changed = ast.unparse(ast.fix_missing_locations(copy.deepcopy(tree)))
            if changed not in seen:
                seen.add(changed)
                line = getattr(node, "lineno", None) or getattr(getattr(node, "target", None), "lineno", 0)
                old, new = (ast.unparse(each).partition("\n")[0][:70] for each in (node, other))
                found.append(Mutant(line, f"{old} -> {new}", changed))
            _put(node, parent, field, index)
    return found


def _put(node: ast.AST, parent: ast.AST, field: str, index: int | None) -> None:
    if index is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[index] = node
