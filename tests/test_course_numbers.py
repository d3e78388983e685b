"""Further numbers that the course's notebooks print, by the library's public names: regularisation, dropout,
convolution and pooling step by step, recurrent cells, a character model, attention. The inputs are drawn as there, in
the course's layouts.
"""

from typing import Any

import numpy as np

import tinygraph as tg
from tinygraph import nn, optim

DIGITS = 5e-9  # printed to eight decimals


def drawn(seed: int, *shapes: tuple[int, ...]) -> list[Any]:
    rng = np.random.RandomState(seed)
    return [rng.randn(*shape) for shape in shapes]


def three_layers() -> tuple[Any, list[Any]]:
    X, *p = drawn(1, (3, 5), (2, 3), (2, 1), (3, 2), (3, 1), (1, 3), (1, 1))
    return X, p


def test_cost_with_an_l2_penalty() -> None:
    W1, _, W2, _, W3, _ = drawn(1, (2, 3), (2, 1), (3, 2), (3, 1), (1, 3), (1, 1))
    A3 = np.array([[0.40682402, 0.01629284, 0.16722898, 0.10118111, 0.40682402]])
    Y = np.array([[1, 1, 0, 1, 0]])
    cost = nn.losses.binary_cross_entropy(A3, Y) + nn.l2_penalty({"W1": W1, "W2": W2, "W3": W3}, 0.1, m=5)
    np.testing.assert_allclose(cost, 1.78648594516, rtol=0, atol=5e-12)


def test_dropout_with_the_masks_of_the_course() -> None:
    X, (W1, b1, W2, b2, W3, b3) = three_layers()
    dropout = nn.Dropout(keep_prob=0.7, rng=np.random.RandomState(1))
    A1 = dropout(tg.relu(W1 @ X + b1))
    A2 = dropout(tg.relu(W2 @ A1 + b2))
    A3 = tg.sigmoid(W3 @ A2 + b3)
    np.testing.assert_allclose(A3, [[0.36974721, 0.00305176, 0.04565099, 0.49683389, 0.36974721]], rtol=0, atol=DIGITS)


def conv(A: Any, W: Any, b: Any, **how: Any) -> Any:
    """The course's layout: (m, height, width, channels), and filters (f, f, channels before, channels)."""
    Z = tg.conv2d(np.transpose(A, (0, 3, 1, 2)), np.transpose(W, (3, 2, 0, 1)), np.ravel(b), **how)
    return np.transpose(Z, (0, 2, 3, 1))


def test_convolution_forward_and_backward() -> None:
    A, W, b = drawn(1, (10, 4, 4, 3), (2, 2, 3, 8), (1, 1, 1, 8))
    Z, pull = tg.vjp(lambda A, W, b: conv(A, W, b, stride=2, padding=2), A, W, b)
    np.testing.assert_allclose(Z.mean(), 0.0489952035289, rtol=0, atol=5e-14)
    expected = [-0.61490741, -6.7439236, -2.55153897, 1.75698377, 3.56208902, 0.53036437, 5.18531798, 8.75898442]
    np.testing.assert_allclose(Z[3, 2, 1], expected, rtol=0, atol=DIGITS)
    dA, dW, db = pull(Z)
    np.testing.assert_allclose(
        [dA.mean(), dW.mean(), db.mean()], [1.45243777754, 1.72699145831, 7.83923256462], rtol=0, atol=5e-12
    )


def pooled(pool: Any, A: Any, **how: Any) -> Any:
    return np.transpose(pool(np.transpose(A, (0, 3, 1, 2)), **how), (0, 2, 3, 1))


def test_pooling_forward() -> None:
    (A,) = drawn(1, (2, 4, 4, 3))
    largest = pooled(tg.max_pool2d, A, kernel_size=3, stride=2)
    mean = pooled(tg.avg_pool2d, A, kernel_size=3, stride=2)
    expected = [1.74481176, 0.86540763, 1.13376944, 1.13162939, 1.51981682, 2.18557541]
    np.testing.assert_allclose(largest.ravel(), expected, rtol=0, atol=DIGITS)
    expected = [0.02105773, -0.20328806, -0.40389855, -0.22154621, 0.51716526, 0.48155844]
    np.testing.assert_allclose(mean.ravel(), expected, rtol=0, atol=DIGITS)


def test_pooling_backward() -> None:
    A, dA = drawn(1, (5, 5, 3, 2), (5, 4, 2, 2))
    np.testing.assert_allclose(dA.mean(), 0.145713902729, rtol=0, atol=5e-13)
    _, pull = tg.vjp(lambda A: pooled(tg.max_pool2d, A, kernel_size=2, stride=1), A)
    np.testing.assert_allclose(pull(dA)[0][1, 1], [[0, 0], [5.05844394, -1.68282702], [0, 0]], rtol=0, atol=DIGITS)
    _, pull = tg.vjp(lambda A: pooled(tg.avg_pool2d, A, kernel_size=2, stride=1), A)
    expected = [[0.08485462, 0.2787552], [1.26461098, -0.25749373], [1.17975636, -0.53624893]]
    np.testing.assert_allclose(pull(dA)[0][1, 1], expected, rtol=0, atol=DIGITS)


def test_a_recurrent_cell() -> None:
    xt, a_prev, Waa, Wax, Wya, ba, by = drawn(1, (3, 10), (5, 10), (5, 5), (5, 3), (2, 5), (5, 1), (2, 1))
    cell = nn.RNNCell(3, 5)
    state = {"weight_ih": Wax, "weight_hh": Waa, "bias_ih": ba.ravel(), "bias_hh": np.zeros(5)}
    cell.load_state_dict(state)
    a_next = cell(xt.T, a_prev.T).data.T
    expected = [0.59584544, 0.18141802, 0.61311866, 0.99808218, 0.85016201]
    expected += [0.99980978, -0.18887155, 0.99815551, 0.6531151, 0.82872037]
    np.testing.assert_allclose(a_next[4], expected, rtol=0, atol=DIGITS)
    y = tg.softmax(Wya @ a_next + by, axis=0)
    expected = [0.9888161, 0.01682021, 0.21140899, 0.36817467, 0.98988387]
    expected += [0.88945212, 0.36920224, 0.9966312, 0.9982559, 0.17746526]
    np.testing.assert_allclose(y[1], expected, rtol=0, atol=DIGITS)


def test_an_lstm_cell_and_its_gradients() -> None:
    n, x, m = 5, 3, 10
    drawn_in_order = [(x, m), (n, m), (n, m), *[(n, n + x), (n, 1)] * 4, (2, n), (2, 1), (n, m), (n, m)]
    xt, a_prev, c_prev, Wf, bf, Wi, bi, Wo, bo, Wc, bc, _, _, da, dc = drawn(1, *drawn_in_order)
    W, b = np.concatenate([Wi, Wf, Wc, Wo]), np.concatenate([bi, bf, bc, bo]).ravel()  # PyTorch's order of the gates
    cell = nn.LSTMCell(x, n)
    cell.load_state_dict({"weight_ih": W[:, n:], "weight_hh": W[:, :n], "bias_ih": b, "bias_hh": 0 * b})
    given = [tg.Tensor(v.T) for v in (xt, a_prev, c_prev)]
    a, c = cell(given[0], (given[1], given[2]))
    expected = [-0.66408471, 0.0036921, 0.02088357, 0.22834167, -0.85575339]
    expected += [0.00138482, 0.76566531, 0.34631421, -0.00215674, 0.43827275]
    np.testing.assert_allclose(a.data.T[4], expected, rtol=0, atol=DIGITS)
    expected = [0.63267805, 1.00570849, 0.35504474, 0.20690913, -1.64566718]
    expected += [0.11832942, 0.76449811, -0.0981561, -0.74348425, -0.26810932]
    np.testing.assert_allclose(c.data.T[2], expected, rtol=0, atol=DIGITS)
    (np.sum(a * da.T) + np.sum(c * dc.T)).backward()
    dxt, da_prev, dc_prev = (t.grad.T for t in given)
    found = [dxt[1][2], da_prev[2][3], dc_prev[2][3]]
    np.testing.assert_allclose(found, [3.23055911511, -0.0639621419711, 0.797522038797], rtol=0, atol=5e-12)
    _, dWf, dWc, dWo = np.split(np.concatenate([cell.weight_hh.grad, cell.weight_ih.grad], axis=1), 4)
    expected = [-0.147954838164, 2.30456216369, 0.331311595289]
    np.testing.assert_allclose([dWf[3][1], dWc[3][1], dWo[1][2]], expected, rtol=0, atol=5e-12)
    expected = [-0.40142491, 0.18864637, 0.25587763, 0.13893342]
    np.testing.assert_allclose(cell.bias_ih.grad[4::n], expected, rtol=0, atol=DIGITS)


def test_a_step_of_the_character_model() -> None:
    a_prev, *p = drawn(1, (100, 1), (100, 27), (100, 100), (27, 100), (100, 1), (27, 1))
    Wax, Waa, Wya, b, by = p = [tg.Tensor(v) for v in p]
    a, logits = a_prev, []
    for letter in (12, 3, 5, 11, 22, 3):
        a = np.tanh(Wax[:, [letter]] + Waa @ a + b)
        logits.append(Wya @ a + by)
    loss = tg.cross_entropy(np.concatenate(logits, axis=1), [4, 14, 11, 22, 25, 26], axis=0, reduction="sum")
    loss.backward()
    optim.clip_grad_value_(p, 5.0)
    np.testing.assert_allclose(loss.item(), 126.503975722, rtol=0, atol=5e-10)
    found = [Waa.grad[1, 2], Wya.grad[1, 2], b.grad[4, 0], by.grad[1, 0]]
    np.testing.assert_allclose(found, [0.194709315347, -0.007773876032, -0.06809825, 0.01538192], rtol=0, atol=DIGITS)
    assert np.argmax(Wax.grad) == 93
    np.testing.assert_allclose(a.data[4], [-1.0], rtol=0, atol=DIGITS)


def test_attention_of_three_queries() -> None:
    q = np.array([[1, 0, 1, 1], [0, 1, 1, 1], [1, 0, 0, 1.0]])
    k = np.array([[1, 1, 0, 1], [1, 0, 1, 1], [0, 1, 1, 0], [0, 0, 0, 1.0]])
    v = np.array([[0, 0], [1, 0], [1, 0], [1, 1.0]])
    expected = [[0.74105227, 0.15705977], [0.7227253, 0.16817567], [0.6637989, 0.2039163]]
    np.testing.assert_allclose(
        nn.scaled_dot_product_attention(q, k, v), expected, rtol=0, atol=1e-7
    )  # in float32 there
