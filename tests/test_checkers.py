"""The study of gradient checkers: tinygraph's own calls nothing right wrong, and finds what can be found."""

import pytest

from benchmarks import checkers
from benchmarks.checkers_cases import CASES, faults


@pytest.fixture(scope="module")
def found():
    return checkers.study(["tinygraph.check", "the same, along two directions"])


def test_no_correct_function_is_called_wrong(found):
    for correct, _ in found.values():
        assert not [case.name for case, o in zip(CASES, correct, strict=True) if o.said == checkers.WRONG]


def test_only_what_cannot_be_seen_passes(found):
    """At a tie there is no derivative to compare with; float32 is as good as its 24 bits."""
    _, faulty = found["tinygraph.check"]
    passed = {case.name.rpartition(": ")[2] for case, o in zip(faults(), faulty, strict=True) if o.said == "passes"}
    assert passed <= {"wrong at ties", "wrong dtype"}


def test_two_directions_cost_the_same_for_all(found):
    correct, _ = found["the same, along two directions"]
    assert max(o.evaluations for o in correct if o.said == checkers.PASSES) < 100


def test_the_table_and_what_each_got_wrong_are_printed(capsys):
    assert checkers.main(["--only", "tinygraph.check"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"| checker | faults found, of {len(faults())}")
    assert "tinygraph.check lets pass: " in out


@pytest.mark.parametrize("name", [name for name in checkers.CHECKERS if "tinygraph" not in checkers.CHECKERS[name]])
def test_the_peers_take_the_same_cases(name):
    pytest.importorskip(checkers.CHECKERS[name][0], reason="an optional peer")
    _, check = checkers.CHECKERS[name]
    assert checkers.checked(check, CASES[2]).said == checkers.PASSES
    assert checkers.checked(check, next(f for f in faults() if f.name == "product x * y: sign")).said == checkers.WRONG


def test_a_peer_that_is_not_installed_is_left_out(monkeypatch, capsys):
    monkeypatch.setitem(checkers.CHECKERS, "nobody's", ("a_library_that_is_missing", None))
    assert checkers.study(["nobody's"]) == {}
    assert "is not installed" in capsys.readouterr().err
