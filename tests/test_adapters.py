"""Functions of PyTorch, JAX and SciPy: right ones pass, wrong ones do not, in both precisions."""

import subprocess
import sys

import numpy as np
import pytest

from tinygraph.check import GradientError, check_grads, check_pair, compare_pair
from tinygraph.check.adapters import jax_pair, scipy_pair, torch_pair

X = np.random.default_rng(5).normal(size=(3, 4))


def rosen(x, a=1.0):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (a - x[:-1]) ** 2)


def rosen_jac(x, a=1.0):
    g = np.zeros_like(x)
    g[:-1] = -400 * x[:-1] * (x[1:] - x[:-1] ** 2) - 2 * (a - x[:-1])
    g[1:] += 200 * (x[1:] - x[:-1] ** 2)
    return g


def test_an_objective_with_its_jac():
    x = np.array([-1.2, 1.0, 0.5])
    check_pair(*scipy_pair(rosen, rosen_jac, args=(2.0,)), x)
    check_pair(*scipy_pair(rosen, rosen_jac, args=2.0), x)
    check_pair(*scipy_pair(lambda x: (rosen(x), rosen_jac(x)), True), x)
    with pytest.raises(GradientError):
        check_pair(*scipy_pair(rosen, lambda x: rosen_jac(x) * 1.001), x)


def test_residuals_with_a_dense_and_a_sparse_jacobian():
    sparse = pytest.importorskip("scipy.sparse", reason="SciPy is not installed")
    a = X.T

    def jac(x):
        return np.cos(a @ x)[:, None] * a

    check_pair(*scipy_pair(lambda x: np.sin(a @ x), jac), np.ones(3))
    check_pair(*scipy_pair(lambda x: np.sin(a @ x), lambda x: sparse.csr_array(jac(x))), np.ones(3))
    assert compare_pair(*scipy_pair(lambda x: np.sin(a @ x), lambda x: jac(x) * [1, 1, 2]), np.ones(3)).wrong == 1


def test_a_jac_that_is_a_scheme_is_refused():
    with pytest.raises(TypeError, match="leaves the derivative to SciPy"):
        scipy_pair(rosen, "3-point")
    with pytest.raises(TypeError, match="needs a fun that returns"):
        check_pair(*scipy_pair(rosen, True), np.ones(3))


def test_torch_in_both_precisions():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")

    def loss(p, x, labels):
        return torch.nn.functional.cross_entropy(torch.tanh(x @ p["W"]) + p["b"], labels)

    p = {"W": X.T.copy(), "b": np.zeros(3)}
    labels = np.array([0, 2, 1])
    assert compare_pair(*torch_pair(loss), p, X, labels).right == 12 + 3 + 12
    single = compare_pair(*torch_pair(loss, dtype="float32"), p, X, labels, power=0.1)
    assert single.wrong == 0
    assert single.right > 20


def test_the_parameters_of_a_torch_module():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    module = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))
    p = {name: t.detach().numpy() for name, t in module.named_parameters()}
    check_pair(*torch_pair(lambda p, x: torch.func.functional_call(module, p, (x,)).mean()), p, X)


def test_a_loss_of_scikit_learn():
    losses = pytest.importorskip("sklearn._loss.loss", reason="scikit-learn is not installed")
    loss, y = losses.HalfBinomialLoss(), np.array([0.0, 1.0, 1.0, 0.0])

    def value(raw):
        return loss.loss(y_true=y, raw_prediction=raw).sum()

    check_pair(value, lambda raw: loss.gradient(y_true=y, raw_prediction=raw), X[0])


def test_a_torch_function_of_ones_own():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")

    class Swish(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * torch.sigmoid(x)

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            s = torch.sigmoid(x)
            return g * (s + x * s * (1 - s)) * Swish.fault

    Swish.fault = 1.0
    check_pair(*torch_pair(Swish), X)
    Swish.fault = 2.0
    with pytest.raises(GradientError, match="the gradient of x0 is 2 times too large"):
        check_pair(*torch_pair(Swish.apply, dtype=torch.float64), X)
    with pytest.raises(TypeError, match="the function returned int, no tensor of real numbers"):
        check_pair(*torch_pair(len), X)
    with pytest.raises(TypeError, match="Tensor") as error:
        check_grads(torch.sin, X)
    assert any("torch_pair(f)" in note for note in error.value.__notes__)


def test_the_corners_of_a_box_tie_and_are_not_called_wrong():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    box = np.array([[x, y, z] for x in (0.0, 2.0) for y in (1.0, 4.0) for z in (-1.0, 3.0)])
    value, gradient = torch_pair(lambda v: torch.stack([v.amin(dim=0), v.amax(dim=0)]))
    report = compare_pair(value, gradient, box)
    assert (report.wrong, report.inconclusive) == (0, 24)
    assert "kink" in str(report)
    assert "slopes" in str(report)


def test_what_torch_cuts_off_is_wrong():
    pytest.importorskip("torch", reason="PyTorch is not installed")
    assert compare_pair(*torch_pair(lambda x: (x.detach() ** 2).sum()), X).wrong == X.size


def test_jax_in_both_precisions():
    jax = pytest.importorskip("jax", reason="JAX is not installed")

    def f(p, n):
        return jax.numpy.tanh(p["x"] @ p["w"]) * n

    p = {"x": X, "w": np.ones(4)}
    before = jax.config.jax_enable_x64
    assert compare_pair(*jax_pair(f), p, np.arange(3)).right == 16
    assert jax.config.jax_enable_x64 == before
    single = compare_pair(*jax_pair(f, x64=False), p, np.arange(3), power=0.1)
    assert single.wrong == 0
    assert single.right > 8


def test_a_jax_rule_of_ones_own():
    jax = pytest.importorskip("jax", reason="JAX is not installed")

    @jax.custom_vjp
    def cube(x):
        return x**3

    cube.defvjp(lambda x: (x**3, x), lambda x, g: (g * x**2,))
    with pytest.raises(GradientError, match="3 times too small"):
        check_pair(*jax_pair(cube), X)
    check_pair(*jax_pair(lambda x: (x**3).sum(), lambda x: 3 * x**2), X)


@pytest.mark.parametrize(("adapter", "library"), [(torch_pair, "torch"), (jax_pair, "jax")])
def test_a_missing_library_is_named_with_its_remedy(adapter, library, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ImportError, match=f"needs {library}: pip install {library}"):
        adapter(abs)


def test_nothing_is_imported_before_it_is_used():
    code = "import sys, tinygraph.check; print({'torch', 'jax', 'scipy', 'hypothesis', 'tqdm'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
