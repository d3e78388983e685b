"""A training step of each layer and each loss: forward, and backward to its input and its parameters; float32.

tinygraph and PyTorch make the layer by the same line, begin in the same state and see the same numbers. By hand it is
written where that is short. A loss goes backward from itself, a layer from a given gradient of its output. The check
does the same in float64.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from benchmarks import by_hand
from benchmarks.harness import SEED, Entry, Result, enter, race
from benchmarks.profiles import Profile

ABOUT = "a training step of each layer and loss, forward and backward without an update, float32"
TOLERANCE = 1e-9

Arrays = list[np.ndarray]
Draw = Callable[[np.random.Generator], Arrays]
Call = Callable[[], Arrays]


class Case(NamedTuple):
    """`make` makes it of tinygraph's or PyTorch's `nn`, `draw` its inputs, `hand` is the function of `by_hand`."""

    make: Callable[[Any], Any]
    draw: Draw
    hand: Callable[..., list[Any]] | None = None
    loss: bool = False
    seen: Callable[[Arrays, Arrays], Arrays] = lambda inputs, results: results  # what of it can be compared


def normal(*shapes: tuple[int, ...]) -> Draw:
    return lambda rng: [rng.normal(size=shape) for shape in shapes]


def scores(rng: np.random.Generator) -> Arrays:
    return [rng.normal(size=(64, 10)), rng.integers(0, 10, 64)]


def probabilities(rng: np.random.Generator) -> Arrays:
    return [rng.uniform(0.05, 0.95, (256, 64)), rng.integers(0, 2, (256, 64)).astype(float)]


def distributions(rng: np.random.Generator) -> Arrays:
    return [np.log(rng.dirichlet(np.ones(10), 64)), rng.dirichlet(np.ones(10), 64)]


def signs(rng: np.random.Generator) -> Arrays:
    return [rng.normal(size=(256, 64)), rng.choice([-1.0, 1.0], (256, 64))]


def dropped(inputs: Arrays, results: Arrays) -> Arrays:
    """Who is dropped is chance: each is or is doubled, and its gradient likewise."""
    x, g = inputs
    y, dx = results
    return [np.unique(np.round(y / x, 9)), np.array(float(np.allclose(dx / g, y / x)))]


IMAGES, SEQUENCE = (32, 16, 14, 14), (32, 16, 64)  # 16 channels; 32 steps of 16 samples with 64 features

LAYERS = {
    "Linear": Case(lambda nn: nn.Linear(256, 128), normal((64, 256)), by_hand.linear),
    "Conv1d": Case(lambda nn: nn.Conv1d(16, 32, 5), normal((32, 16, 64)), by_hand.conv1d),
    "Conv2d": Case(lambda nn: nn.Conv2d(16, 32, 3, padding=1), normal(IMAGES), by_hand.conv2d),
    "ConvTranspose2d": Case(
        lambda nn: nn.ConvTranspose2d(16, 8, 2, stride=2), normal(IMAGES), by_hand.conv_transpose2d
    ),
    "MaxPool2d": Case(lambda nn: nn.MaxPool2d(2), normal(IMAGES), by_hand.max_pool2d),
    "AvgPool2d": Case(lambda nn: nn.AvgPool2d(2), normal(IMAGES), by_hand.avg_pool2d),
    "BatchNorm1d": Case(lambda nn: nn.BatchNorm1d(256), normal((64, 256)), by_hand.batch_norm),
    "BatchNorm2d": Case(lambda nn: nn.BatchNorm2d(16), normal(IMAGES), by_hand.batch_norm),
    "LayerNorm": Case(lambda nn: nn.LayerNorm(256), normal((64, 256)), by_hand.layer_norm),
    "RMSNorm": Case(lambda nn: nn.RMSNorm(256), normal((64, 256)), by_hand.rms_norm),
    "Dropout": Case(lambda nn: nn.Dropout(0.5), normal((64, 256)), by_hand.dropout, seen=dropped),
    "Embedding": Case(
        lambda nn: nn.Embedding(1000, 64), lambda rng: [rng.integers(0, 1000, (16, 32))], by_hand.embedding
    ),
    "RNN": Case(lambda nn: nn.RNN(64, 64), normal(SEQUENCE), by_hand.rnn),
    "LSTM": Case(lambda nn: nn.LSTM(64, 64), normal(SEQUENCE), by_hand.lstm),
    "GRU": Case(lambda nn: nn.GRU(64, 64), normal(SEQUENCE)),
    "MultiheadAttention": Case(lambda nn: nn.MultiheadAttention(64, 4), normal(*[SEQUENCE] * 3)),
    "TransformerEncoderLayer": Case(lambda nn: nn.TransformerEncoderLayer(64, 4, 128, dropout=0.0), normal(SEQUENCE)),
    "MSELoss": Case(lambda nn: nn.MSELoss(), normal(*[(256, 64)] * 2), by_hand.mse, loss=True),
    "L1Loss": Case(lambda nn: nn.L1Loss(), normal(*[(256, 64)] * 2), by_hand.l1, loss=True),
    "SmoothL1Loss": Case(lambda nn: nn.SmoothL1Loss(), normal(*[(256, 64)] * 2), by_hand.huber, loss=True),
    "HuberLoss": Case(lambda nn: nn.HuberLoss(), normal(*[(256, 64)] * 2), by_hand.huber, loss=True),
    "BCELoss": Case(lambda nn: nn.BCELoss(), probabilities, by_hand.bce, loss=True),
    "BCEWithLogitsLoss": Case(lambda nn: nn.BCEWithLogitsLoss(), probabilities, by_hand.bce_with_logits, loss=True),
    "CrossEntropyLoss": Case(lambda nn: nn.CrossEntropyLoss(), scores, by_hand.cross_entropy, loss=True),
    "NLLLoss": Case(lambda nn: nn.NLLLoss(), scores, by_hand.nll, loss=True),
    "KLDivLoss": Case(lambda nn: nn.KLDivLoss(reduction="batchmean"), distributions, by_hand.kl_div, loss=True),
    "HingeLoss": Case(lambda nn: nn.HingeLoss(), signs, by_hand.hinge, loss=True),
    "MultiMarginLoss": Case(lambda nn: nn.MultiMarginLoss(), scores, by_hand.multi_margin, loss=True),
    "CosineEmbeddingLoss": Case(
        lambda nn: nn.CosineEmbeddingLoss(),
        lambda rng: [*rng.normal(size=(2, 64, 64)), rng.choice([-1, 1], 64)],
        loss=True,
    ),
}


class Work(NamedTuple):
    """A case with its numbers: the state at the start, the inputs, and the gradient of the output, None of a loss.

    `learned` is how many of the inputs get a gradient: not the targets of a loss, and not an index.
    """

    case: Case
    state: dict[str, np.ndarray]
    inputs: Arrays
    g: np.ndarray | None

    @property
    def learned(self) -> int:
        real = [a.dtype.kind == "f" for a in self.inputs]
        return min(sum(real), len(real) - self.case.loss)

    def astype(self, dtype: type) -> "Work":
        def cast(a: np.ndarray) -> np.ndarray:
            return a.astype(dtype) if a.dtype.kind == "f" else a.copy()

        state = {name: cast(a) for name, a in self.state.items()}
        return Work(self.case, state, [cast(a) for a in self.inputs], None if self.g is None else cast(self.g))


def work_of(case: Case) -> Work:
    from tinygraph import nn

    nn.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    layer, inputs = case.make(nn), case.draw(rng)
    state = layer.state_dict()
    out = None if case.loss else _first(layer(*inputs))
    return Work(case, state, inputs, None if out is None else rng.normal(size=out.shape))


def _first(out: Any) -> Any:
    """The output, without the states or weights that come with it."""
    return out[0] if isinstance(out, tuple) else out


def numpy_step(work: Work) -> Call:
    hand: Any = work.case.hand
    if work.case.loss:
        return lambda: hand(*work.inputs)
    return lambda: hand(work.state, *work.inputs, work.g)


def tinygraph_step(work: Work) -> Call:
    import tinygraph as tg
    from tinygraph import nn

    layer = work.case.make(nn)
    if work.state:
        layer.astype(next(iter(work.state.values())).dtype)
    layer.load_state_dict(work.state)
    leaves = [tg.Tensor(a) for a in work.inputs[: work.learned]]
    inputs, learned = [*leaves, *work.inputs[work.learned :]], [*leaves, *layer.parameters()]

    def step() -> Arrays:
        for p in learned:
            p.zero_grad()
        out = _first(layer(*inputs))
        out.backward(work.g, retain_graph=False)
        return [out.data, *(p.grad for p in learned)]

    return step


def torch_step(work: Work) -> Call:
    import torch

    layer = work.case.make(torch.nn)
    layer.to(torch.float64)
    layer.load_state_dict({name: torch.from_numpy(np.array(a)) for name, a in work.state.items()})
    dtype = np.result_type(*(a for a in (*work.state.values(), *work.inputs) if a.dtype.kind == "f"))
    layer.to(getattr(torch, dtype.name))
    inputs = [torch.from_numpy(a) for a in work.inputs]
    learned = [*(a.requires_grad_() for a in inputs[: work.learned]), *layer.parameters()]
    g = None if work.g is None else torch.from_numpy(work.g)

    def step() -> Arrays:
        for p in learned:
            p.grad = None
        out = _first(layer(*inputs))
        out.backward(g)
        return [out.detach(), *(p.grad for p in learned)]

    return step


STEPS: dict[str, Callable[[Work], Call]] = {"numpy": numpy_step, "tinygraph": tinygraph_step, "torch": torch_step}


def makers_of(name: str) -> dict[str, Callable[[], Entry]]:
    """The entries of those who can do this case: timed in float32; checked in float64, where rounding hides nothing."""
    work = work_of(LAYERS[name])

    def entry(make: Callable[[Work], Call]) -> Entry:
        def check() -> Arrays:
            exact = work.astype(np.float64)
            results = [np.asarray(a) for a in make(exact)()]
            return work.case.seen([*exact.inputs, exact.g], results)

        return Entry(make(work.astype(np.float32)), check)

    able = STEPS if work.case.hand is not None else {name: make for name, make in STEPS.items() if name != "numpy"}
    return {name: lambda make=make: entry(make) for name, make in able.items()}


def run(profile: Profile, names: Iterable[str]) -> Iterable[Result]:
    """Yield one Result for each layer and loss."""
    names = list(names)
    for name in LAYERS:
        result = Result("layers", name, operations=1)
        yield race(result, enter(makers_of(name), names, result, TOLERANCE), profile)
