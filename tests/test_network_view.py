"""The network view: layers fold, repeats are counted, figures are right, and no graph is too large to be drawn."""

import gc
import html
import json
import math
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import Tensor, nn
from tinygraph.graph import serial
from tinygraph.mode import MODE, enter
from tinygraph.op import OPS, Op
from tinygraph.render import Network, layout, render
from tinygraph.render.colour import LIGHT
from tinygraph.render.layout import LayoutError, available
from tinygraph.render.network import flops, heat, place, words
from tinygraph.render.network.fold import CROWD, FEWEST, repeats
from tinygraph.render.network.measure import _timed, gradients
from tinygraph.render.network.parts import OPERATION, REPEAT, SCOPE, SEGMENT, Part, Tree, operations
from tinygraph.render.simple import simple

SVG = "{http://www.w3.org/2000/svg}"
needs_graphviz = pytest.mark.skipif(not available(), reason="nothing to draw with is installed")
RNG = np.random.default_rng(0)


class Block(nn.Module):
    """Half of a transformer's block: a residual connection around two layers."""

    def __init__(self, n, rng):
        self.first = nn.Linear(n, 2 * n, rng=rng)
        self.second = nn.Linear(2 * n, n, rng=rng)

    def forward(self, x):
        return x + self.second(np.maximum(self.first(x), 0.0))


class Deep(nn.Module):
    def __init__(self, n=4, blocks=12):
        self.embed = nn.Linear(3, n, rng=0)
        self.blocks = [Block(n, i) for i in range(blocks)]
        self.head = nn.Linear(n, 2, rng=1)

    def forward(self, x):
        x = self.embed(x)
        for block in self.blocks:
            x = block(x)
        return self.head(x)


class Recurrent(nn.Module):
    """One cell, used once a step."""

    def __init__(self, n=3):
        self.w_x = Tensor(0.4 * RNG.normal(size=(2, n)))
        self.w_h = Tensor(0.4 * np.eye(n))

    def forward(self, x):
        h = np.zeros((len(x), 3))
        for t in range(x.shape[1]):
            with tg.scope(f"step {t}", "Step"):
                h = np.tanh(x[:, t] @ self.w_x + h @ self.w_h)
        return h


def cnn():
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, rng=0), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4 * 4 * 4, 10, rng=1)
    )


def of_cnn(**options):
    return render(cnn(), inputs=(np.zeros((2, 1, 8, 8)),), **options)


def of_rnn(steps=100, **options):
    x = RNG.normal(size=(4, steps, 2))
    model = Recurrent()
    return render(lambda x: np.sum(model(x)), inputs=(x,), title="Recurrent", **options)


def chain(n):
    y = Tensor(0.5, name="x")
    for _ in range(n // 2):
        y = np.tanh(y * 0.9)
    return y


def parts(network, kind):
    return [part for part in network.tree.walk() if part.kind == kind]


def lines(svg):
    return ["".join(text.itertext()).strip() for text in ET.fromstring(svg).iter(f"{SVG}text")]


def data_of(page):
    return json.loads(re.search(r'id="network">(.*?)</script>', page, re.DOTALL)[1])


# --- what is told


@needs_graphviz
def test_a_module_is_its_layers_with_shapes_at_the_arrows():
    network = of_cnn()
    said = lines(network.svg)
    assert isinstance(network, Network)
    assert {"x2×1×8×8", "Conv2d0", "ReLU1", "MaxPool2d2", "Flatten3", "Linear4"} <= set(said)
    assert {"40 parameters", "650 parameters"} <= set(said)
    assert Counter(said)["2×4×8×8"] == 2  # after the convolution, and after ReLU
    assert "Sequential" in said
    assert any("690 parameters" in line for line in said)


def test_dtypes_are_told_where_they_are_not_the_common_one():
    y = np.sum(Tensor(np.ones((2, 3)), name="w") * Tensor(np.ones(3, np.float32), requires_grad=False, name="x"))
    dot = render(y, view="network").dot
    assert "3 float32" in dot
    assert "2×3 float64" not in dot
    assert "float64 where nothing else is said" in dot


def test_the_outline_tells_the_network_in_words():
    lines = of_cnn().text.splitlines()
    assert re.fullmatch(r"Sequential: \d+ operations, 690 parameters, [\d.]+ kFLOP", lines[0])
    assert re.fullmatch(r"  Conv2d \(0\): \d operations, 40 parameters, [\d.]+ kFLOP", lines[1])
    assert "    conv: 2×4×8×8, 36 parameters" in lines
    assert "  Linear (4): 1 operation, 650 parameters, 2.58 kFLOP" in lines


def test_what_only_arranges_numbers_has_no_box_of_its_own():
    def boxes(model, *inputs):
        network = render(model, inputs=inputs)
        root = network.figures[network.tree.root]
        assert root.operations == sum(node.op is not None for node in network.tree.nodes)
        assert root.parameters == sum(p.size for p in model.parameters())
        return Counter(network.words.heading(part)[0] for part in network.tree.root.children), network

    x = RNG.normal(size=(2, 5, 4))
    said, network = boxes(nn.LSTM(4, 3, rng=0), x)
    assert said == {"LSTM": 1, "+": 1, "[0, 1:]": 1, "concatenate": 2}  # the last three are the results
    assert "zeros  5×3" in network.dot
    said, network = boxes(nn.MultiheadAttention(4, 2, rng=0), x, x, x)
    assert said == {"linear": 3, "× 0.7071": 1, "@": 2, "softmax": 1, "mean": 1, "out_proj": 1, "swapaxes": 1}
    assert "arranged by: " in network.svg if available() else True
    named = render(lambda x: np.sum(np.tanh(x.T)), inputs=(x,), view="network")
    assert [part.op.name for part in parts(named, OPERATION)] == ["tanh", "sum"]

    def f(x):
        turned = x.T
        return np.sum(np.tanh(turned))

    assert "turned" in render(f, inputs=(x,), view="network").text
    cell = nn.RNNCell(4, 3, rng=0)
    steps = render(lambda x: np.sum(cell(x[1], cell(x[0]))), inputs=(x,))
    assert [steps.words.heading(part)[0] for part in steps.tree.root.children] == ["RNNCell", "RNNCell", "Σ"]
    alone = render(nn.Sequential(nn.Flatten(), nn.Linear(20, 1, rng=0)), inputs=(x,))
    assert [part.layer for part in parts(alone, SCOPE)] == ["Flatten", "Linear"]
    rows = render(lambda x: np.sum(np.tanh(x)[[0, 0, 1]]), inputs=(x,), view="network")
    assert [part.op.name for part in parts(rows, OPERATION)] == ["tanh", "getitem", "sum"]  # that chooses


def test_scopes_of_the_user_are_boxes_too():
    with tg.scope("encoder"):
        x = Tensor([1.0, 2.0], name="x")
        code = np.tanh(x * 3.0)
    with tg.scope("decoder"):
        y = np.exp(code).sum()
    network = render(y)
    assert [part.name for part in parts(network, SCOPE)] == ["encoder", "decoder"]
    assert "encoder" in network.dot
    assert "decoder" in network.dot


def test_data_is_drawn_though_it_is_no_parameter():
    x, target = np.ones((2, 3)), np.array([0, 1])
    model = nn.Linear(3, 2, rng=0)
    network = render(tg.cross_entropy(model(x), target), names={"x": x})
    assert "x  2×3" in network.dot
    assert "2 int64" in network.dot
    assert network.figures[network.tree.root].parameters == 8


def test_what_a_module_is_given_is_data_and_what_it_holds_is_learned():
    network = of_cnn()
    assert network.figures[network.tree.root].parameters == 690
    assert "class=data" in next(line for line in network.dot.splitlines() if "x  2×1×8×8" in line)


def test_the_input_stands_at_the_top_however_many_parameters_there_are():
    network = render(
        nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, rng=0), 6), inputs=(np.ones((2, 3, 8)),)
    )
    assert 'label="x  2×3×8"' in network.dot or "src  2×3×8" in network.dot


def test_the_tokens_of_an_embedding_are_drawn():
    table = nn.Embedding(5, 3, rng=0)
    tokens = np.array([[1, 2, 4]])
    assert "1×3 int64" in render(lambda x: np.tanh(table(tokens)) + x, inputs=(np.ones(3),), view="network").dot


def test_parameters_can_be_left_out():
    layer = nn.Linear(3, 2, rng=0)
    x = np.ones((2, 3))
    shown = render(layer, inputs=(x,))
    assert '"weight ' in shown.dot
    assert '"weight ' not in render(layer, inputs=(x,), parameters=False).dot


def test_depth_unfolds_that_many_levels():
    model = Deep(blocks=2)
    x = np.ones((1, 3))
    assert "first" not in render(model, inputs=(x,), depth=1).dot
    deep = render(model, inputs=(x,), depth=2).dot
    assert "first" in deep
    assert deep.count('"weight ') == 2  # of embed and head, which have no deeper level
    assert render(model, inputs=(x,), depth=3).dot.count('"weight ') == 6


def test_small_graphs_without_scopes_still_show_values():
    x = Tensor(3.0, name="x")
    assert not isinstance(render(x * x), Network)
    assert isinstance(render(x * x, view="network"), Network)
    assert isinstance(render(x * x, heat="flops"), Network)


# --- folding


def test_repeated_blocks_are_one_with_a_count():
    network = render(Deep(), inputs=(np.ones((1, 3)),))
    (repeat,) = parts(network, REPEAT)
    assert network.words.heading(repeat) == ("Block ×12", "blocks.0 … blocks.11")
    assert "Block ×12" in network.dot
    assert "blocks.3" not in network.dot


def test_a_block_of_another_shape_is_no_copy():
    sizes = [4, 4, 4, 4, 4, 5]
    model = nn.Sequential(*(nn.Linear(a, b, rng=0) for a, b in pairwise(sizes)))
    (repeat,) = parts(render(model, inputs=(np.ones((1, 4)),)), REPEAT)
    assert len(repeat.children) == 4


def test_alternating_layers_are_folded_in_pairs():
    model = nn.Sequential(*(layer for i in range(5) for layer in (nn.Linear(4, 4, rng=i), nn.ReLU())))
    network = render(model, inputs=(np.ones((1, 4)),))
    (repeat,) = parts(network, REPEAT)
    assert network.words.heading(repeat)[0] == "Linear → ReLU ×5"


def test_query_key_and_value_are_not_folded_but_eight_heads_are():
    def beside(n):
        model = [nn.Linear(4, 4, rng=i) for i in range(n)]
        for i, layer in enumerate(model):
            layer._name = f"head {i}"
        return render(lambda x: np.concatenate([layer(x) for layer in model]), inputs=(np.ones((1, 4)),))

    assert parts(beside(3), REPEAT) == []
    (repeat,) = parts(beside(8), REPEAT)
    assert len(repeat.children) == 8


def test_unrolled_steps_are_folded():
    network = of_rnn(100)
    (repeat,) = parts(network, REPEAT)
    assert len(repeat.children) == 100
    assert "97 more alike" in network.dot  # there is nothing else to see
    assert "more alike" not in of_rnn(100, heat="gradient").dot  # a strip shows them all
    assert of_rnn(100, heat="gradient").svg.count("<rect") == 62  # a frame, 60 cells, and one under a title


def test_the_title_of_a_group_stands_above_the_arrows_on_its_ground():
    svg = of_rnn(5).svg
    plates = re.findall(r'<g class="title">\s*<rect [^>]*fill="([^"]*)"/>\s*<text[^>]*>(.*?)</text>', svg)
    assert len(plates) == svg.count('class="cluster"') > 0
    assert {fill for fill, _ in plates} == {LIGHT.group[0]}
    assert svg.index('class="title"') > svg.rindex('class="edge')


def test_a_gradient_that_nobody_knows_is_not_said_to_be_drawn():
    network = render(nn.Linear(3, 2, rng=0), inputs=(np.zeros((4, 3)),), heat="gradient")
    assert "coloured by" not in network.svg
    assert "no gradient of the output is known" in network.svg


@pytest.mark.parametrize(
    ("numbers", "runs"),
    [
        ([], []),
        ([1, 2], []),
        ([1, 1, 1], [(0, 1, 3)]),
        ([1, 2, 1, 2], []),
        ([5, 1, 2, 1, 2, 1, 2], [(1, 2, 3)]),
        ([1, 1, 1, 2, 3, 3, 3, 3], [(0, 1, 3), (4, 1, 4)]),
    ],
)
def test_runs_of_repeats(numbers, runs):
    assert repeats(numbers) == runs


def test_repeats_cover_what_they_say():
    for seed in range(50):
        numbers = np.random.default_rng(seed).integers(0, 2, 40).tolist()
        end = 0
        for start, period, count in repeats(numbers):
            assert start >= end
            assert count >= FEWEST
            end = start + period * count
            assert numbers[start:end] == numbers[start : start + period] * count


def test_folding_loses_no_operation():
    for network in (of_rnn(50), render(chain(3001)), render(Deep(), inputs=(np.ones((1, 3)),))):
        order = list(operations(network.tree.root))
        assert sorted(order, key=serial) == [node for node in network.tree.nodes if node.op is not None]
        assert network.figures[network.tree.root].operations == len(order)
        assert all(child.parent is part for part in network.tree.walk() for child in part.children)


# --- large graphs


def test_a_graph_too_large_for_its_values_is_folded():
    network = render(chain(1000))
    assert isinstance(network, Network)
    assert "×500" in network.dot


@needs_graphviz
def test_a_hundred_thousand_operations_are_a_small_picture():
    network = render(chain(100_000))
    assert "100,000 operations" in network.text
    assert network.svg.count('class="node') < 40
    assert len(network.html) < 200_000


@needs_graphviz
def test_three_thousand_operations_without_a_pattern_are_cut_into_segments():
    steps = np.random.default_rng(1).integers(0, 4, 2914)
    ys = [Tensor([0.1, 0.2], name="x")]
    for k in steps:
        a, b = ys[-1], ys[max(0, len(ys) - 7)]
        ys.append((a + b, a * b, np.tanh(a), np.sin(a))[k])
    network = render(ys[-1])
    assert parts(network, SEGMENT)
    assert network.svg.count('class="node') <= CROWD
    assert all(len(part.children) <= CROWD or part.kind == REPEAT for part in network.tree.walk())
    boxes = data_of(network.html)["boxes"]
    assert sum(box["k"] == OPERATION for box in boxes) > 100


def test_deep_scopes_are_no_recursion():
    x = Tensor(1.0, name="x")
    tokens = []
    for i in range(2000):
        tokens.append(enter(f"level {i}"))
        x = x * 1.01
    for token in reversed(tokens):
        MODE.reset(token)
    network = render(x)
    assert network.figures[network.tree.root].operations == 2000
    assert "level 0" in network.dot
    assert network.text


@needs_graphviz
def test_a_parameter_shared_by_a_thousand_steps_stands_beside_its_uses():
    network = of_rnn(1000)
    page = data_of(network.html)
    weights = [box for box in page["boxes"] if box["k"] == "parameter" and box["t"] == "w_h"]
    assert 2 <= len(weights) <= 4  # of the first steps and the last
    assert all("used 1000×" in box["q"] or "used 999×" in box["q"] for box in weights)
    assert all(len(room["arrows"]) < 100 for room in page["rooms"].values())


@needs_graphviz
def test_many_leaves_of_one_operation_are_one_pill():
    leaves = [Tensor([float(i)]) for i in range(500)]
    network = render(np.concatenate(leaves).sum())
    assert "500 parameters" in network.dot
    assert network.svg.count('class="node') < 10


@needs_graphviz
def test_a_wide_graph_without_scopes_has_few_boxes_and_arrows():
    rng = np.random.default_rng(0)
    layer = [Tensor([float(i)], name=f"x{i}") for i in range(60)]
    for _ in range(60):
        layer = [np.tanh(layer[i] * layer[j] + layer[k]) for i, j, k in rng.integers(0, 60, (60, 3))]
    network = render(np.sum(np.concatenate(layer)))
    assert network.svg.count('class="node') < 100
    rooms = data_of(network.html)["rooms"].values()
    assert all(len(room["items"]) < 200 and len(room["arrows"]) < 600 for room in rooms)


@needs_graphviz
def test_bare_arrays_of_many_steps_are_each_in_their_step():
    w, h = Tensor(np.eye(3), name="w"), np.zeros((1, 3))
    for t in range(50):
        with tg.scope(f"step {t}", "Step"):
            h = np.tanh(np.full((1, 3), t / 50) @ w + h)
    network = render(np.sum(h))
    assert "data" not in re.findall(r'label="?([^"\n]*)"', network.dot)
    assert "arrays" not in network.svg
    boxes = data_of(network.html)["boxes"]
    assert sum(box["k"] == "data" for box in boxes) == 4  # of the first two steps and of the last, and the first state


@needs_graphviz
def test_drawing_leaves_garbage_collection_on():
    assert gc.isenabled()
    of_cnn()
    assert gc.isenabled()


def test_many_arrays_with_names_are_one_pill():
    w, y = Tensor(np.eye(3), name="w"), 0.0
    xs = {f"x{i}": np.full((1, 3), float(i)) for i in range(50)}
    with tg.scope("sum", "Sum"):
        for x in xs.values():
            y = y + x @ w
    assert render(np.sum(y), names=xs).svg


@needs_graphviz
def test_a_layout_that_takes_too_long_is_replaced_and_said_so():
    network = of_cnn()
    network.seconds = 1e-4
    assert "folded, in a simpler layout, since Graphviz took too long" in " ".join(lines(network.svg))
    tops = [float(y) for y in re.findall(r'<text [^>]*y="(-[\d.]+)"[^>]*><tspan font-weight="bold">', network.svg)]
    assert len(tops) == 6
    assert tops == sorted(tops), "one below the other, in the order of computation"
    assert "laid out simply, for lack of time" in network.html
    boxes = data_of(network.html)["boxes"]
    assert len({(box["x"], box["y"]) for box in boxes[1:] if box["p"] == 0}) == 6


@needs_graphviz
def test_a_still_picture_that_takes_too_long_is_folded(monkeypatch):
    calls = []

    def late(sources, *args):
        calls.append(sources)
        return ("<svg></svg>", len(calls) > 1)

    monkeypatch.setattr(place, "run", late)
    network = render(Deep(blocks=2), inputs=(np.ones((1, 3)),), depth=3)
    assert network.svg
    assert '"weight ' in calls[0][0]
    assert '"weight ' not in calls[1][0]
    assert "folded, since unfolded its layout took too long" in calls[1][0]


# --- figures


def node_of(t):
    return t._node


@pytest.mark.parametrize(
    ("y", "count"),
    [
        (lambda x: x @ np.ones((4, 5)), 2 * 3 * 4 * 5),
        (np.exp, 12),
        (lambda x: x * x[0], 12),
        (lambda x: x.sum(), 12),
        (lambda x: x.reshape(4, 3), 0),
        (lambda x: x[1:], 0),
        (lambda x: np.einsum("ij,jk->ik", x, np.ones((4, 5))), 2 * 3 * 4 * 5),
        (lambda x: tg.linear(x, np.ones((2, 4)), np.ones(2)), 2 * 3 * 4 * 2 + 6),
        (tg.softmax, 60),
    ],
)
def test_flops(y, count):
    assert flops.flops(node_of(y(Tensor(np.ones((3, 4)))))) == count


def test_flops_of_a_convolution():
    x, w = Tensor(np.ones((2, 3, 8, 8))), Tensor(np.ones((5, 3, 3, 3)))
    y = tg.conv2d(x, w)
    assert flops.flops(node_of(y)) == 2 * (2 * 5 * 6 * 6) * (3 * 3 * 3)


def test_flops_of_a_recurrent_layer():
    x = np.ones((4, 7, 3))  # samples, steps, features
    network = render(nn.LSTM(3, 5, rng=0), inputs=(x,), view="network")
    (steps,) = [part.node for part in parts(network, OPERATION) if part.op.name == "lstm_steps"]
    assert flops.flops(steps) == steps.value.size + 7 * 4 * 2 * (4 * 5) * (3 + 5)


def test_the_rules_of_a_joint_operation_are_timed_together():
    (steps,) = [n for n in render(nn.GRU(3, 5, rng=0), inputs=(np.ones((4, 7, 3)),)).tree.home if "gru" in n.op.name]
    calls = []
    rule = steps.op.vjps.rule
    steps.op.vjps.rule = lambda *args, **params: (calls.append(1), rule(*args, **params))[1]
    try:
        forward, backward = _timed(steps, 3)
    finally:
        steps.op.vjps.rule = rule
    assert len(calls) == 3
    assert forward > 0
    assert backward > 0


def test_layers_whose_operations_are_made_anew_are_alike_nonetheless():
    layer = nn.TransformerEncoderLayer(8, 2, 16, rng=0)
    model = nn.TransformerEncoder(layer, 6)
    (repeat,) = parts(render(model, inputs=(np.ones((2, 3, 8)),)), REPEAT)
    assert len(repeat.children) == 6


def test_the_table_of_flops_knows_only_operations_that_exist():
    import importlib
    import pkgutil

    import tinygraph.ops as table

    names = {op.name for op in OPS.values() if isinstance(op, Op)}
    for info in pkgutil.iter_modules(table.__path__):
        module = importlib.import_module(f"tinygraph.ops.{info.name}")
        names |= {op.name for op in vars(module).values() if isinstance(op, Op)}
    assert (flops.TABLE.keys() | flops.MOVES) - names == set()
    assert not flops.TABLE.keys() & flops.MOVES


def test_figures_add_up_and_shared_parameters_count_once():
    network = of_rnn(20)
    root = network.figures[network.tree.root]
    assert root.parameters == 2 * 3 + 3 * 3
    (repeat,) = parts(network, REPEAT)
    assert network.figures[repeat].parameters == 15
    assert all(network.figures[step].parameters in (6, 15) for step in repeat.children)
    assert root.flops == sum(flops.flops(node) for node in network.tree.nodes)
    assert root.bytes == sum(node.value.nbytes for node in network.tree.nodes if node.op is not None)


def test_gradients_are_those_of_backward_and_leave_none_behind():
    model, x = Recurrent(), RNG.normal(size=(4, 6, 2))
    loss = np.sum(model(x) ** 2)
    network = render(loss, view="network")
    assert model.w_h.grad is None
    loss.backward()
    both = np.sqrt(np.sum(model.w_h.grad**2) + np.sum(model.w_x.grad**2))
    assert network.figures[network.tree.root].learning == pytest.approx(both, rel=1e-12)
    assert network.figures[network.tree.root].gradient == 1.0


def test_the_gradient_at_each_step_is_that_by_what_the_step_gives_out():
    model, x = Recurrent(), RNG.normal(size=(4, 6, 2))
    h, states = np.zeros((4, 3)), []
    for t in range(6):
        with tg.scope(f"step {t}", "Step"):
            h = np.tanh(x[:, t] @ model.w_x + h @ model.w_h)
        h.name = f"h{t}"
        states.append(h)
    loss = np.sum(h**2)
    network = render(loss)
    loss.backward()
    found = {part.name: network.figures[part].gradient for part in network.tree.walk() if part.kind == SCOPE}
    for t, state in enumerate(states):
        assert found[f"step {t}"] == pytest.approx(np.linalg.norm(state.grad), rel=1e-12)


def test_a_vanishing_gradient_is_seen_step_by_step():
    network = of_rnn(40, heat="gradient")
    (repeat,) = parts(network, REPEAT)
    cells = network.scale("gradient").strip([network.figures[copy] for copy in repeat.children])
    assert cells == sorted(cells)
    assert cells[0] <= 1
    assert cells[-1] >= 3


def test_an_exploding_or_broken_gradient_is_at_the_end_of_the_scale():
    assert [heat._magnitude(g) for g in (0.0, 1e-30, 1.0, 1e30, math.inf, math.nan)] == [0, 0, 4, 8, 8, 8]


def test_infinity_and_nan_are_drawn():
    x = Tensor([0.5, 1.0], name="x")
    assert "‖g‖ = ∞" in render((np.tanh(x) * np.inf).sum(), heat="gradient").dot
    assert "‖g‖ = nan" in render((np.tanh(x) * np.nan).sum(), heat="gradient").dot


def test_a_profile_times_each_operation():
    network = of_cnn(profile=True)
    root = network.figures[network.tree.root]
    each = [network.figures[part] for part in parts(network, OPERATION)]
    assert all(f.forward > 0 and f.backward > 0 for f in each)
    assert root.forward == pytest.approx(sum(f.forward for f in each))
    assert of_cnn().figures.keys()
    assert all(f.forward is None for f in of_cnn().figures.values())


def test_gradients_of_several_outputs_are_what_backward_has_left():
    w = Tensor([1.0, 2.0], name="w")
    outs = [w * 2.0, w * 3.0]
    (outs[0].sum() + outs[1].sum()).backward()
    found = gradients([t._node for t in outs], [w._node])
    assert found.of == {w._node: pytest.approx(np.linalg.norm([5.0, 5.0]))}


@pytest.mark.parametrize(("fills"), [heat.SHARE_LIGHT, heat.SHARE_DARK[::-1]])
def test_shares_go_from_light_to_dark_alone(fills):
    def luminance(fill):
        r, g, b = (int(fill[i : i + 2], 16) / 255 for i in (1, 3, 5))
        return 0.2126 * r**2.2 + 0.7152 * g**2.2 + 0.0722 * b**2.2

    found = [luminance(fill) for fill in fills]
    assert found == sorted(found, reverse=True)


# --- safe, the same, and for everyone


def hostile():
    model = nn.Sequential(
        {"<script>alert(1)</script>": nn.Linear(2, 2, rng=0), "</script>": nn.ReLU(), "]]>&": nn.ReLU()}
    )
    return render(model, inputs=(np.ones((1, 2)),), title='"><img src=x>')


@needs_graphviz
def test_names_are_text_wherever_they_stand():
    network = hostile()
    root = ET.fromstring(network.svg)
    assert any("<script>alert(1)</script>" in line for line in lines(network.svg))
    assert not list(root.iter(f"{SVG}script"))
    page = network.html
    assert page.count("<script") == 2
    assert "<img" not in page
    assert html.escape('"><img src=x>') in page
    assert any(box["t"] == "<script>alert(1)</script>" for box in data_of(page)["boxes"])


@needs_graphviz
def test_a_name_of_ten_thousand_letters_is_cut():
    with tg.scope("x" * 10_000):
        y = np.tanh(Tensor([1.0], name="y" * 10_000) * 2.0)
    network = render(y.sum())
    assert "x" * 41 not in network.svg
    assert "x" * 41 not in network.html


@needs_graphviz
def test_the_picture_has_a_title_a_description_and_no_script():
    network = of_cnn(title="LeNet")
    root = ET.fromstring(network.svg)
    assert root.find(f"{SVG}title").text == "LeNet"
    assert root.find(f"{SVG}desc").text == network.text
    assert "script" not in network.svg
    assert "prefers-color-scheme:dark" in network.svg
    assert "prefers-color-scheme" not in of_cnn(theme="light").svg


@needs_graphviz
def test_the_page_asks_for_nothing_from_elsewhere():
    page = of_cnn().html
    assert "default-src 'none'" in page
    assert not re.findall(r"(?:src|href)=", page)
    assert [url for url in re.findall(r"https?://[^\s\"'<]+", page) if url != "http://www.w3.org/2000/svg"] == []


@needs_graphviz
def test_a_picture_grows_with_the_network_and_its_text_does_not_shrink():
    small = ET.fromstring(render(nn.Linear(2, 2, rng=0), inputs=(np.ones((1, 2)),)).svg)
    sizes = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]
    layers = [nn.Linear(a, b, rng=0) for a, b in pairwise(sizes)]
    large = ET.fromstring(render(nn.Sequential(*layers), inputs=(np.ones((1, 2)),)).svg)
    assert float(large.get("height")[:-2]) > 12 * 72
    assert float(large.get("height")[:-2]) > 2 * float(small.get("height")[:-2])


SAME = """
import numpy as np, tinygraph as tg
from tinygraph import nn
model = nn.Sequential(nn.Linear(3, 4, rng=0), nn.ReLU(), nn.Linear(4, 2, rng=1))
network = tg.render(model, inputs=(np.ones((2, 3)),), heat="flops")
import hashlib
print(hashlib.sha256((network.dot + network.svg + network.html + network.text).encode()).hexdigest())
"""


@needs_graphviz
def test_the_same_network_gives_the_same_bytes():
    found = set()
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", SAME],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parents[1],
        )
        found.add(done.stdout)
    assert len(found) == 1


@needs_graphviz
def test_notebooks_show_it():
    bundle = of_cnn()._repr_mimebundle_()
    assert bundle["image/svg+xml"].startswith("<svg")
    assert "Conv2d" in bundle["text/plain"]


# --- files and errors


def test_without_graphviz_the_source_is_written_beside(tmp_path, monkeypatch):
    monkeypatch.setattr(layout, "available", lambda: ())
    for ending in (".svg", ".html"):
        with pytest.raises(LayoutError, match=r"no Graphviz found .*net\.dot"):
            of_cnn(path=tmp_path / f"net{ending}")
    assert (tmp_path / "net.dot").read_text(encoding="utf-8").startswith("digraph")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.dot"]


@pytest.mark.parametrize("backend", layout.available())
def test_every_backend_draws_the_same_boxes(backend):
    network = of_cnn(backend=backend)
    assert {"Conv2d0", "ReLU1", "Linear4"} <= set(lines(network.svg))
    page = data_of(network.html)
    assert all(box["w"] > 0 and "x" in box for box in page["boxes"][1:])
    assert all(len(arrow["c"]) >= 8 for room in page["rooms"].values() for arrow in room["arrows"])


def test_a_backend_that_does_not_exist():
    with pytest.raises(ValueError, match="backend 'paper' is not one of dot, pygraphviz, wasi"):
        _ = of_cnn(backend="paper").svg


@needs_graphviz
@pytest.mark.parametrize("ending", [".svg", ".html", ".dot", ".gv", ".json"])
def test_files_by_their_endings(tmp_path, ending):
    path = tmp_path / f"net{ending}"
    of_cnn(path=path)
    begins = {".svg": "<svg", ".html": "<!DOCTYPE html>", ".dot": "digraph", ".gv": "digraph", ".json": "{"}
    assert path.read_text(encoding="utf-8").startswith(begins[ending])


def test_the_parts_as_json():
    data = json.loads(json.dumps(of_cnn().data))
    named = {part.get("name"): part for part in data["parts"]}
    assert named["Conv2d"]["parameters"] == 40
    assert named["Conv2d"]["kind"] == "scope"
    assert data["parts"][0]["operations"] == named["Conv2d"]["operations"] + 4
    assert {"from", "to", "values"} == set(data["arrows"][0])


def test_bad_input_is_said_plainly(tmp_path):
    x = np.ones((2, 1, 8, 8))
    with pytest.raises(ValueError, match="heat 'warm' is not one of parameters, bytes"):
        of_cnn(heat="warm")
    with pytest.raises(ValueError, match="depth 0"):
        of_cnn(depth=0)
    with pytest.raises(TypeError, match="inputs= do not fit"):
        render(cnn())
    with pytest.raises(ValueError, match=r"net\.bmp"):
        of_cnn(path=tmp_path / "net.bmp")
    with pytest.raises(ValueError, match="theme"):
        of_cnn(theme="pink")
    with pytest.raises(TypeError, match="returned no Tensor"):
        render(lambda x: 3.0, inputs=(x,))


def test_a_released_graph_says_so():
    loss = np.sum(Deep(blocks=2)(np.ones((1, 3))))
    loss.backward(retain_graph=False)
    with pytest.raises(RuntimeError, match="retain_graph"):
        render(loss)


def test_a_leaf_alone_is_an_empty_network():
    network = render(Tensor([1.0, 2.0], name="x"), view="network")
    assert network.figures[network.tree.root].operations == 0
    assert network.text == "network: 0 operations, 0 FLOP"


# --- the simpler layout


def test_the_simple_layout_goes_down_and_overlaps_nothing():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(1, 30))
        sizes = [tuple(map(float, rng.uniform(5, 80, 2))) for _ in range(n)]
        arrows = [(int(a), int(b)) for a, b in rng.integers(0, n, (2 * n, 2)) if a < b]
        _, height, centres = simple(sizes, arrows, 10, 20)
        tops = [y - h / 2 for (_, y), (_, h) in zip(centres, sizes, strict=True)]
        bottoms = [y + h / 2 for (_, y), (_, h) in zip(centres, sizes, strict=True)]
        assert all(bottoms[a] < tops[b] for a, b in arrows)
        assert min(tops) >= -1e-9
        assert max(bottoms) <= height + 1e-9
        for i in range(n):
            for j in range(i):
                apart_x = abs(centres[i][0] - centres[j][0]) - (sizes[i][0] + sizes[j][0]) / 2
                apart_y = abs(centres[i][1] - centres[j][1]) - (sizes[i][1] + sizes[j][1]) / 2
                assert max(apart_x, apart_y) > 0


def test_the_simple_layout_survives_a_circle():
    _, _, centres = simple([(10, 10)] * 3, [(0, 1), (1, 2), (2, 0)], 5, 5)
    assert len(set(centres)) == 3


def test_graphvizs_answer_is_read_back():
    arrows = (place.Arrow(0, 1, "3×4 float32"), place.Arrow(0, 2, "7"), place.Arrow(1, 2, ""))
    plan = place.Plan(((100.0, 30.0), (80.0, 30.0), (90.0, 30.0)), arrows)
    drawn = """graph 1 3 4
node 0 1 3.5 1.4 0.4 "" solid box black lightgrey
node 1 1 2 1.1 0.4 "" solid box black lightgrey
node 2 1 0.5 1.2 0.4 "" solid box black lightgrey
edge 0 1 4 1 3.3 1 3 1 2.5 1 2.2 "3×4 float32" 1.3 2.7 solid black
edge 0 2 4 1.2 3.3 2 3 2 1 1.2 0.7 7 2.1 2 solid black
edge 1 2 4 1 1.8 1 1.5 1 1 1 0.7 solid black"""
    read = place._read(drawn, plan)
    assert read.centres == [(72.0, 36.0), (72.0, 144.0), (72.0, 252.0)]
    assert read.labels == [(pytest.approx(93.6), pytest.approx(93.6)), (pytest.approx(151.2), 144.0), None]
    assert read.curves[2][0] == (72.0, pytest.approx(158.4))


@pytest.mark.parametrize(
    ("n", "unit", "said"),
    [(0, "", "0"), (999, "B", "999 B"), (1000, "B", "1 kB"), (999_600, "", "1 M"), (2.5e-7, "s", "250 ns")],
)
def test_amounts(n, unit, said):
    assert words.amount(n, unit) == said


def test_an_empty_tree_walks():
    tree = Tree([])
    assert list(tree.walk()) == [tree.root]
    assert isinstance(tree.root, Part)
