"""Attention and the Transformer: formulas, PyTorch in the same state, the verification kit, masks, edges and errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn
from tinygraph.check import check_grads, compare_grads
from tinygraph.nn.attention import attention_weights
from tinygraph.op import bare

INF = np.inf


def softmax(row: np.ndarray) -> np.ndarray:
    """Of one row, 0 where nothing is allowed."""
    if np.all(row == -INF):
        return np.zeros_like(row)
    e = np.exp(row - row.max())
    return e / e.sum()


def attended(q: np.ndarray, k: np.ndarray, v: np.ndarray, added: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One head of one sample, a query at a time."""
    weights = np.array([softmax(k @ query / np.sqrt(len(query)) + a) for query, a in zip(q, added, strict=True)])
    return weights @ v, weights


def several(p: dict[str, np.ndarray], heads: int, q: Any, k: Any, v: Any, added: Any) -> tuple[Any, Any]:
    """Multi-head attention of one sample from its state; `added` is (heads, L, S)."""
    e = q.shape[-1]
    ws = np.split(p["in_proj_weight"], 3) if "in_proj_weight" in p else [p[f"{x}_proj_weight"] for x in "qkv"]
    bs = np.split(p["in_proj_bias"], 3) if "in_proj_bias" in p else [0.0] * 3
    q, k, v = (x @ w.T + b for x, w, b in zip((q, k, v), ws, bs, strict=True))
    d, outs, weights = e // heads, [], []
    for h in range(heads):
        part = slice(h * d, (h + 1) * d)
        out, weight = attended(q[:, part], k[:, part], v[:, part], added[h])
        outs.append(out)
        weights.append(weight)
    return np.hstack(outs) @ p["out_proj.weight"].T + p.get("out_proj.bias", 0.0), np.array(weights)


def drawn(seed: int) -> tuple[nn.MultiheadAttention, list[np.ndarray], dict[str, Any], np.ndarray]:
    """A layer, query, key and value with samples first, its masks, and all masks as numbers, (N, heads, L, S)."""
    rng = np.random.default_rng(seed)
    n, length, keys, heads, d = (int(x) for x in rng.integers(1, 5, 5))
    e = heads * d
    other = {"kdim": 3, "vdim": 2} if seed % 3 == 2 else {}
    model = nn.MultiheadAttention(e, heads, bias=seed % 4 != 3, batch_first=bool(seed % 2), rng=rng, **other)
    for p in model.parameters():
        p.data = rng.normal(size=p.shape)
    sizes = (length, e), (keys, other.get("kdim", e)), (keys, other.get("vdim", e))
    inputs = [rng.normal(size=(n, *size)) for size in sizes]
    added, masks = np.zeros((n, heads, length, keys)), {}
    if seed % 2:
        padding = rng.random((n, keys)) < 0.4
        masks["key_padding_mask"] = padding
        added += np.where(padding, -INF, 0.0)[:, None, None]
    if seed % 5 == 1:
        masks["attn_mask"] = rng.random((length, keys)) < 0.3
        added += np.where(masks["attn_mask"], -INF, 0.0)
    elif seed % 5 == 2:
        masks["attn_mask"] = rng.normal(size=(n * heads, length, keys))
        added += masks["attn_mask"].reshape(added.shape)
    elif seed % 5 == 3:
        masks["is_causal"] = True
        added += np.where(np.tril(np.ones((length, keys))) > 0, 0.0, -INF)
    return model, inputs, masks, added


def placed(model: Any, x: Any) -> Any:
    return x if model.batch_first else np.swapaxes(x, 0, 1)


@pytest.mark.parametrize("seed", range(20))
def test_it_is_what_the_formulas_say(seed: int) -> None:
    model, inputs, masks, added = drawn(seed)
    out, weights = model(*(placed(model, x) for x in inputs), **masks, average_attn_weights=False)
    state = model.state_dict()
    for n in range(len(added)):
        want, shares = several(state, model.num_heads, *(x[n] for x in inputs), added[n])
        np.testing.assert_allclose(placed(model, out.data)[n], want, rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(weights.data[n], shares, rtol=1e-11, atol=1e-15)
    _, mean = model(*(placed(model, x) for x in inputs), **masks)
    np.testing.assert_allclose(mean.data, weights.data.mean(axis=1), rtol=1e-13)
    again, none = model(*(placed(model, x) for x in inputs), **masks, need_weights=False)
    assert none is None
    np.testing.assert_array_equal(again.data, out.data)


@pytest.mark.parametrize("seed", range(20))
def test_values_and_gradients_are_those_of_pytorch(seed: int) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    model, inputs, masks, added = drawn(seed)
    if np.any(np.all(added == -INF, axis=-1)):
        pytest.skip("a position that may look at nothing: NaN in PyTorch")
    options = {"bias": model.in_proj_bias is not None, "kdim": model.kdim, "vdim": model.vdim}
    options["batch_first"] = model.batch_first
    theirs = torch.nn.MultiheadAttention(model.embed_dim, model.num_heads, **options).double()
    theirs.load_state_dict({k: torch.tensor(v) for k, v in model.state_dict().items()})
    given = {k: torch.tensor(v) for k, v in masks.items() if k != "is_causal"}
    if "is_causal" in masks:
        given["attn_mask"] = torch.ones(added.shape[2:], dtype=torch.bool).tril().logical_not()
    if given.get("attn_mask", torch.ones(1)).dtype != torch.bool and "key_padding_mask" in given:
        given["key_padding_mask"] = (
            torch.zeros(given["key_padding_mask"].shape).double().masked_fill(given["key_padding_mask"], -INF)
        )  # PyTorch wants both of one kind
    xs = [torch.tensor(placed(model, x).copy(), requires_grad=True) for x in inputs]
    want, shares = theirs(*xs, **given)
    mine = [tg.Tensor(placed(model, x).copy()) for x in inputs]
    out, weights = model(*mine, **masks)
    np.testing.assert_allclose(out.data, want.detach().numpy(), rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(weights.data, shares.detach().numpy(), rtol=1e-11, atol=1e-15)
    g = np.random.default_rng(0).normal(size=out.shape)
    ((out * g).sum() + (weights * weights).sum()).backward()
    ((want * torch.tensor(g)).sum() + (shares * shares).sum()).backward()
    right = dict(theirs.named_parameters())
    for name, p in model.named_parameters():
        np.testing.assert_allclose(p.grad, right[name].grad.numpy(), rtol=1e-9, atol=1e-11, err_msg=name)
    for a, b in zip(mine, xs, strict=True):
        np.testing.assert_allclose(a.grad, b.grad.numpy(), rtol=1e-9, atol=1e-11)


def test_parameters_begin_as_pytorchs() -> None:
    model = nn.MultiheadAttention(16, 4, rng=0)
    assert list(model.state_dict()) == ["in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias"]
    bound = np.sqrt(6 / (4 * 16))
    assert 0.9 * bound < np.abs(model.in_proj_weight.data).max() <= bound
    assert np.abs(model.out_proj.weight.data).max() <= 0.25
    assert not model.in_proj_bias.data.any()
    assert not model.out_proj.bias.data.any()


@pytest.mark.parametrize("masked", [None, "boolean", "numbers", "causal"])
def test_the_function_is_pytorchs_and_its_gradients_are_right(masked: str | None) -> None:
    rng = np.random.default_rng(0)
    q, k, v = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 5, 4)), rng.normal(size=(2, 5, 2))
    mask = {"boolean": rng.random((3, 5)) < 0.7, "numbers": rng.normal(size=(2, 3, 5))}.get(masked or "")
    if masked == "boolean":
        mask[0] = [True, False, False, False, True]

    def f(q: Any, k: Any, v: Any) -> Any:
        return nn.scaled_dot_product_attention(q, k, v, mask, is_causal=masked == "causal", scale=0.3)

    for order in (1, 2):
        report = compare_grads(f, q, k, v, order=order, directions=None if order == 1 else 8)
        assert report.ok, str(report)
    torch = pytest.importorskip("torch", reason="torch is not installed")
    given = [torch.tensor(a) for a in (q, k, v)]
    want = torch.nn.functional.scaled_dot_product_attention(
        *given, None if mask is None else torch.tensor(mask), is_causal=masked == "causal", scale=0.3
    )
    np.testing.assert_allclose(f(q, k, v), want.numpy(), rtol=1e-12)


def test_a_mask_of_numbers_may_be_learned() -> None:
    rng = np.random.default_rng(0)
    q, k, bias = rng.normal(size=(3, 2)), rng.normal(size=(4, 2)), rng.normal(size=(3, 4))
    check_grads(lambda bias: attention_weights(q, k, bias), bias, order=2)


def test_a_position_that_may_look_at_nothing_takes_nothing_and_has_no_nan() -> None:
    model = nn.MultiheadAttention(4, 2, rng=0)
    x = tg.Tensor(np.random.default_rng(0).normal(size=(3, 2, 4)))
    with np.errstate(all="raise", under="ignore"):
        padding = np.array([[True] * 3, [False, False, True]])
        out, weights = model(x, key_padding_mask=padding)
        out.sum().backward()
    assert not weights.data[0].any()
    assert not weights.data[1, :, 2].any()
    np.testing.assert_array_equal(out.data[:, 0], np.zeros((3, 4)))
    assert np.isfinite(x.grad).all()
    assert not x.grad[:, 0].any()
    nothing = np.full((2, 3), -INF)
    row = nn.scaled_dot_product_attention(np.ones((2, 1)), np.ones((3, 1)), np.ones((3, 1)), nothing)
    assert not row.any()


def test_what_is_masked_has_no_part_and_no_gradient() -> None:
    model = nn.MultiheadAttention(4, 2, batch_first=True, rng=0)
    x = np.random.default_rng(0).normal(size=(1, 4, 4))
    other = x.copy()
    other[0, 3] += 5.0
    padding = np.array([[False, False, False, True]])
    np.testing.assert_allclose(
        model(x, key_padding_mask=padding)[0].data[:, :3], model(other, key_padding_mask=padding)[0].data[:, :3]
    )
    mine = tg.Tensor(x)
    model(mine, is_causal=True)[0][:, :2].sum().backward()
    assert mine.grad[:, :2].all()
    assert not mine.grad[:, 2:].any(), "what comes later does not flow back"


def test_large_scores_do_not_overflow() -> None:
    q = tg.Tensor(np.array([[1e150], [-1e150]]))
    with np.errstate(all="raise", under="ignore"):
        for mask in (None, np.array([True, False])):
            out = nn.scaled_dot_product_attention(q, np.array([[1.0], [-1.0]]), np.array([[1.0], [2.0]]), mask)
            out.sum().backward()
    assert out.data.tolist() == [[1.0], [1.0]]


def test_dropout_while_training_alone_keeps_the_expectation() -> None:
    model = nn.MultiheadAttention(4, 2, dropout=0.5, batch_first=True, rng=0)
    x = np.random.default_rng(0).normal(size=(1, 3, 4))
    assert not np.array_equal(model(x)[0].data, model(x)[0].data)
    model.eval()
    np.testing.assert_array_equal(model(x)[0].data, model(x)[0].data)
    ones, v = np.zeros((1, 1)), np.ones((1, 1))
    kept = [nn.scaled_dot_product_attention(ones, ones, v, dropout_p=0.25, rng=k)[0, 0] for k in range(400)]
    assert {round(float(k), 6) for k in kept} == {0.0, round(4 / 3, 6)}
    assert abs(np.mean(kept) - 1.0) < 0.1


def test_one_sequence_alone_single_precision_and_no_samples() -> None:
    model = nn.MultiheadAttention(4, 2, rng=0)
    x = np.random.default_rng(0).normal(size=(3, 4))
    out, weights = model(x)
    assert (out.shape, weights.shape) == ((3, 4), (3, 3))
    np.testing.assert_allclose(out.data, model(x[:, None])[0].data[:, 0], rtol=1e-13)
    small = nn.MultiheadAttention(4, 2, dtype=np.float32, rng=0)
    mine = tg.Tensor(x.astype(np.float32))
    for mask in (None, np.eye(3) > 0, np.zeros((3, 3), np.float32)):
        out, weights = small(mine, attn_mask=mask)
        assert out.dtype == weights.dtype == np.float32
    out.sum().backward()
    assert mine.grad.dtype == np.float32
    for shape in ((3, 0, 4), (0, 2, 4)):
        none = tg.Tensor(np.ones(shape))
        if shape[0]:
            out, _ = model(none)
            out.sum().backward()
            assert out.shape == none.grad.shape == shape


# --- the Transformer


@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("batch_first", [False, True])
def test_an_encoder_layer_is_pytorchs(norm_first: bool, batch_first: bool, activation: str) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    asked = {"dropout": 0.0, "activation": activation, "norm_first": norm_first, "batch_first": batch_first}
    rng = np.random.default_rng(0)
    model = nn.TransformerEncoderLayer(8, 2, 16, **asked, rng=rng)
    for p in model.parameters():
        p.data = p.data + 0.1 * rng.normal(size=p.shape)
    theirs = torch.nn.TransformerEncoderLayer(8, 2, 16, **asked).double()
    assert list(theirs.state_dict()) == list(model.state_dict())
    theirs.load_state_dict({k: torch.tensor(v) for k, v in model.state_dict().items()})
    x = rng.normal(size=(3, 4, 8))
    steps, n = (4, 3) if batch_first else (3, 4)
    mask, padding = np.triu(np.ones((steps, steps)), 1) > 0, rng.random((n, steps)) < 0.3
    padding[:, 0] = False
    a, b = tg.Tensor(x), torch.tensor(x, requires_grad=True)
    out, want = model(a, mask, padding), theirs(b, torch.tensor(mask), torch.tensor(padding))
    np.testing.assert_allclose(out.data, want.detach().numpy(), rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(model(x, None, padding, is_causal=True).data, out.data, rtol=1e-13)
    g = rng.normal(size=out.shape)
    (out * g).sum().backward()
    (want * torch.tensor(g)).sum().backward()
    np.testing.assert_allclose(a.grad, b.grad.numpy(), rtol=1e-8, atol=1e-11)
    right = dict(theirs.named_parameters())
    for name, p in model.named_parameters():
        np.testing.assert_allclose(p.grad, right[name].grad.numpy(), rtol=1e-8, atol=1e-11, err_msg=name)


@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("batch_first", [False, True])
def test_a_decoder_is_pytorchs(norm_first: bool, batch_first: bool) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    asked = {"dropout": 0.0, "norm_first": norm_first, "batch_first": batch_first}
    rng = np.random.default_rng(0)
    model = nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, 16, **asked, rng=rng), 2, nn.LayerNorm(8))
    for p in model.parameters():
        p.data = p.data + 0.1 * rng.normal(size=p.shape)
    layer = torch.nn.TransformerDecoderLayer(8, 2, 16, **asked)
    theirs = torch.nn.TransformerDecoder(layer, 2, torch.nn.LayerNorm(8)).double()
    assert list(theirs.state_dict()) == list(model.state_dict())
    theirs.load_state_dict({k: torch.tensor(v) for k, v in model.state_dict().items()})
    n, steps, seen = 3, 4, 5
    given = [rng.normal(size=(n, steps, 8)), rng.normal(size=(n, seen, 8))]
    given = [x if batch_first else x.swapaxes(0, 1) for x in given]
    masks = [np.triu(np.ones((steps, steps)), 1) > 0, rng.random((steps, seen)) < 0.3]
    masks += [rng.random((n, steps)) < 0.3, rng.random((n, seen)) < 0.3]
    for mask in masks[1:]:
        mask[:, 0] = False
    ours, others = [tg.Tensor(x) for x in given], [torch.tensor(x, requires_grad=True) for x in given]
    out, want = model(*ours, *masks), theirs(*others, *map(torch.tensor, masks))
    np.testing.assert_allclose(out.data, want.detach().numpy(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(model(*given, None, *masks[1:], tgt_is_causal=True).data, out.data, rtol=1e-13)
    g = rng.normal(size=out.shape)
    (out * g).sum().backward()
    (want * torch.tensor(g)).sum().backward()
    for mine, other in zip(ours, others, strict=True):
        np.testing.assert_allclose(mine.grad, other.grad.numpy(), rtol=1e-8, atol=1e-11)
    right = dict(theirs.named_parameters())
    for name, p in model.named_parameters():
        np.testing.assert_allclose(p.grad, right[name].grad.numpy(), rtol=1e-8, atol=1e-11, err_msg=name)


def layer_norm(x: np.ndarray, p: dict[str, np.ndarray], name: str) -> np.ndarray:
    spread = np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5)
    return p[f"{name}.weight"] * (x - x.mean(axis=-1, keepdims=True)) / spread + p[f"{name}.bias"]


@pytest.mark.parametrize("norm_first", [False, True])
def test_an_encoder_layer_is_what_the_formulas_say(norm_first: bool) -> None:
    rng = np.random.default_rng(0)
    model = nn.TransformerEncoderLayer(6, 2, 5, dropout=0.0, norm_first=norm_first, activation=np.tanh, rng=rng)
    x, p = rng.normal(size=(4, 6)), model.state_dict()
    own = {k.removeprefix("self_attn."): v for k, v in p.items()}

    def attention(x: np.ndarray) -> np.ndarray:
        return several(own, 2, x, x, x, np.zeros((2, 4, 4)))[0]

    def both(x: np.ndarray) -> np.ndarray:
        hidden = np.tanh(x @ p["linear1.weight"].T + p["linear1.bias"])
        return hidden @ p["linear2.weight"].T + p["linear2.bias"]

    if norm_first:
        y = x + attention(layer_norm(x, p, "norm1"))
        want = y + both(layer_norm(y, p, "norm2"))
    else:
        y = layer_norm(x + attention(x), p, "norm1")
        want = layer_norm(y + both(y), p, "norm2")
    np.testing.assert_allclose(model(x).data, want, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    ("make", "causal", "shapes"),
    [
        (nn.TransformerEncoderLayer, "is_causal", [(3, 1, 4)]),
        (nn.TransformerDecoderLayer, "tgt_is_causal", [(3, 1, 4), (2, 1, 4)]),
    ],
)
def test_gradients_of_a_layer_at_both_orders(make: Any, causal: str, shapes: list[tuple[int, ...]]) -> None:
    model = make(4, 2, 3, dropout=0.0, activation="gelu", norm_first=True, rng=0)
    p, rng = {name: t.data for name, t in model.named_parameters()}, np.random.default_rng(0)
    given = [rng.normal(size=shape) for shape in shapes]
    for order in (1, 2):
        report = compare_grads(
            lambda p, *xs: nn.functional_call(model, p, *xs, **{causal: True}), p, *given, order=order, directions=4
        )
        assert report.ok, str(report)


def test_an_encoder_is_copies_of_one_layer() -> None:
    layer = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, rng=0)
    encoder = nn.TransformerEncoder(layer, 2, nn.LayerNorm(4))
    x = np.random.default_rng(0).normal(size=(3, 1, 4))
    np.testing.assert_allclose(encoder(x).data, encoder.norm(layer(layer(x))).data, rtol=1e-12)
    assert len(list(encoder.parameters())) == 2 * 12 + 2
    assert "layers.1.self_attn.out_proj.bias" in encoder.state_dict()
    encoder.layers[0].linear1.weight.data[...] = 0.0
    assert encoder.layers[1].linear1.weight.data.any()
    assert layer.linear1.weight.data.any()


def test_positions() -> None:
    table = nn.sinusoidal_encoding(7, 5)
    for t in range(7):
        for i in range(5):
            angle = t / 10000 ** ((i - i % 2) / 5)
            assert abs(table[t, i] - (np.cos(angle) if i % 2 else np.sin(angle))) < 1e-14
    x = np.zeros((2, 7, 5))
    np.testing.assert_array_equal(nn.PositionalEncoding(5, batch_first=True)(x)[1], table)
    np.testing.assert_array_equal(nn.PositionalEncoding(5)(x.swapaxes(0, 1))[:, 1], table)
    learned = nn.LearnedPositionalEncoding(5, 9, batch_first=True, rng=0)
    out = learned(x)
    np.testing.assert_array_equal(out.data[0], learned.weight.data[:7])
    out.sum().backward()
    np.testing.assert_array_equal(learned.weight.grad, np.repeat([2.0, 0.0], [7, 2])[:, None] * np.ones(5))
    assert nn.PositionalEncoding(4).state_dict() == {}
    assert nn.PositionalEncoding(4)(np.zeros((2, 1, 4), np.float32)).dtype == np.float32


X = np.ones((3, 2, 4))
ERRORS: list[tuple[Callable[[], Any], str]] = [
    (lambda: nn.MultiheadAttention(5, 2), "embed_dim=5 must be a multiple of num_heads=2"),
    (lambda: nn.MultiheadAttention(6, 2)(X), r"query, key and value must be .* got \(2, 3, 4\)"),
    (lambda: nn.MultiheadAttention(4, 2)(X, X[:2], X), r"MultiheadAttention: .*\(2, 2, 4\)"),
    (lambda: nn.MultiheadAttention(4, 2)(X, attn_mask=np.ones((2, 2)) > 0), r"attn_mask of shape \(2, 2\) .*\(3, 3\)"),
    (lambda: nn.MultiheadAttention(4, 2)(X, key_padding_mask=np.ones((3, 2)) > 0), r"\(3, 2\) must be \(2, 3\)"),
    (lambda: nn.scaled_dot_product_attention(X, np.ones((3, 5)), X), r"attention: query of shape \(3, 2, 4\) and key"),
    (lambda: nn.TransformerEncoderLayer(4, 2, activation="sin"), "activation 'sin' is not 'relu', 'gelu'"),
    (lambda: nn.TransformerDecoderLayer(4, 2, 8)(X, X[:, :1]), r"MultiheadAttention: .*\(1, 3, 4\)"),
    (lambda: nn.PositionalEncoding(4, 2)(X), r"PositionalEncoding: .*d = 4 and L at most 2; got shape \(3, 2, 4\)"),
    (lambda: nn.LearnedPositionalEncoding(5, 9)(X), "LearnedPositionalEncoding: .*d = 5"),
]


@pytest.mark.parametrize("masks", [{"attn_mask": np.eye(3, dtype=int)}, {"key_padding_mask": np.zeros((2, 3), int)}])
def test_a_mask_of_whole_numbers_is_refused_for_it_does_not_say_what_is_seen(masks: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=r"this one is of int64: write mask == 1 or mask == 0"):
        nn.MultiheadAttention(4, 2)(X, **masks)
    with pytest.raises(TypeError, match="attention: a mask is of booleans, or of real numbers that are added"):
        nn.scaled_dot_product_attention(X, X, X, np.array([1, 0]))


@pytest.mark.parametrize(("use", "message"), ERRORS)
def test_bad_use_is_told(use: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        use()


# --- wrong attention is caught by the formulas

FAULTS: dict[str, Callable[..., Any]] = {
    "no scale": lambda q, k, mask: attention_weights(q, k, mask, scale=1.0),
    "scaled by d": lambda q, k, mask: attention_weights(q, k, mask, scale=1 / q.shape[-1]),
    "mask forgotten": lambda q, k, mask: attention_weights(q, k),
    "mask turned": lambda q, k, mask: attention_weights(q, k, np.where(mask == 0.0, -INF, 0.0)),
    "softmax over queries": lambda q, k, mask: attention_weights(k, q).T,
    "causal": lambda q, k, mask: attention_weights(q, k, mask, is_causal=True),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_differs_from_the_formulas(fault: str) -> None:
    rng = np.random.default_rng(0)
    q, k, mask = rng.normal(size=(3, 4)), rng.normal(size=(3, 4)), np.where(rng.random((3, 3)) < 0.3, -INF, 0.0)
    assert (mask == -INF).any()
    want = attended(q, k, np.eye(3), mask)[1]
    np.testing.assert_allclose(bare(attention_weights(q, k, mask)), want, rtol=1e-12)
    assert not np.allclose(FAULTS[fault](q, k, mask), want, rtol=1e-6)
