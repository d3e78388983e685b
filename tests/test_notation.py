"""Expressions as text: what Python's own `ast.unparse` writes."""

from __future__ import annotations

import ast
import re
from random import Random

import pytest

from tinygraph.program.notation import BINARY, COMPARED, UNARY, text_of


def expression(random: Random, depth: int) -> ast.expr:
    """An expression of any kind that programs are made of."""
    if not depth:
        return random.choice(
            [ast.Name("x"), ast.Name("y"), *map(ast.Constant, (2, 0.5, True, None, ..., "ij,j", 3e-9))]
        )

    def part() -> ast.expr:
        return expression(random, random.randrange(depth))

    def cut() -> ast.Slice:
        return ast.Slice(*(random.choice([None, part()]) for _ in range(3)))

    def key() -> ast.expr:
        kinds = (part, cut, lambda: ast.Tuple([cut(), part()]), lambda: ast.Tuple([part()]), lambda: ast.Tuple([]))
        return random.choice(kinds)()

    kinds = (
        lambda: ast.BinOp(part(), random.choice([*BINARY])(), part()),
        lambda: ast.UnaryOp(random.choice([*UNARY])(), part()),
        lambda: ast.Compare(part(), [random.choice([*COMPARED])()], [part()]),
        lambda: ast.Call(
            ast.Attribute(ast.UnaryOp(ast.USub(), ast.Name("x")), "sum"), [], [ast.keyword("axis", part())]
        ),
        lambda: ast.Call(ast.Attribute(ast.Name("np"), "where"), [part(), part(), part()], []),
        lambda: ast.Subscript(ast.BinOp(part(), ast.Add(), part()), key()),
        lambda: ast.Tuple([part() for _ in range(random.randrange(3))]),
        lambda: ast.List([part(), part()]),
        lambda: ast.Dict([part()], [part()]),
    )
    return random.choice(kinds)()


@pytest.mark.parametrize("seed", range(3))
def test_text_is_what_python_writes(seed: int) -> None:
    random = Random(seed)
    for _ in range(200):
        code = expression(random, 4)
        assert text_of(code) == ast.unparse(code)
        target = ast.Subscript(ast.Name("z"), ast.Constant(...))
        for statement in (
            ast.Expr(code),
            ast.Assign([target], code, lineno=1),
            ast.AugAssign(ast.Name("z"), ast.Mult(), code),
            ast.If(code, [ast.Return(ast.Name("NotImplemented"))], []),
        ):
            assert text_of(statement) == ast.unparse(statement)


def test_other_names_are_given_everywhere() -> None:
    for text in ("-x ** y", "x[y, 1:x].sum(axis=x)", "x < y", "not x", "{'a': [x, (y,)]}", "np.where(x, y, x @ x)"):
        code = ast.parse(text, mode="eval").body
        assert text_of(code, {"x": "y", "y": "Z1"}) == re.sub(r"\bx\b", "y", re.sub(r"\by\b", "Z1", text))
