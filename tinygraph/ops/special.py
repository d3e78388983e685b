"""The error function, the normal distribution, their inverses and logarithms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinygraph.op import Array, Borrowed
from tinygraph.ops.elementwise import elementwise

__all__ = ["erf", "erfc", "erfcinv", "erfcx", "erfinv", "log_ndtr", "ndtr", "ndtri"]

# W. J. Cody, Rational Chebyshev approximations for the error function, Math. Comp. 23 (1969). Each pair is numerator
# and denominator, highest power first; the relative error is below 1e-18, so that rounding is all there is.
NEAR = 0.46875
ERF_NEAR = (
    (1.85777706184603153e-1, 3.16112374387056560e0, 1.13864154151050156e2, 3.77485237685302021e2,
     3.20937758913846947e3),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
)  # fmt: skip
FAR = 4.0
ERFC_MIDDLE = (
    (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0, 6.61191906371416295e1,
     2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
     1.23033935479799725e3),
    (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
     3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3),
)  # fmt: skip
ERFC_FAR = (
    (1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
     1.60837851487422766e-2, 6.58749161529837803e-4),
    (1.0, 2.56852019228982242e0, 1.87295284992346047e0, 5.27905102951428412e-1, 6.05183413124413191e-2,
     2.33520497626869185e-3),
)  # fmt: skip
END = 28.0  # beyond it erfc is no float64
SQRT_HALF = 0.7071067811865476
ONE_OVER_SQRT_PI = 0.5641895835477563

_complex_erf, _complex_erfc = Borrowed("scipy.special.erf"), Borrowed("scipy.special.erfc")
_complex_ndtr = Borrowed("scipy.special.ndtr")


def _polynomial(x: Array, coefficients: Sequence[float]) -> Array:
    out = coefficients[0] * x
    for c in coefficients[1:-1]:
        out += c
        out *= x
    return out + coefficients[-1]


def _ratio(x: Array, pair: tuple[Sequence[float], Sequence[float]]) -> Array:
    return _polynomial(x, pair[0]) / _polynomial(x, pair[1])


def _erf_near(x: Array) -> Array:
    """erf for |x| up to NEAR; beyond, its value there."""
    x = np.clip(x, -NEAR, NEAR)
    return x * _ratio(x * x, ERF_NEAR)


def _erfc_tail(y: Array) -> Array:
    """erfc for y from NEAR on, to full relative precision."""
    y = np.minimum(y, END)
    coarse = np.trunc(y * 16.0) / 16.0  # its square is exact, so exp(-y²) keeps its digits
    scaled = _ratio(y, ERFC_MIDDLE)
    if (y > FAR).any():
        far = np.maximum(y, FAR)
        z = 1.0 / (far * far)
        scaled = np.where(y > FAR, (ONE_OVER_SQRT_PI - z * _ratio(z, ERFC_FAR)) / far, scaled)
    return scaled * np.exp(-coarse * coarse) * np.exp(-(y - coarse) * (y + coarse))


def _wide(x: Array) -> Array:
    """Half precision as single: the polynomials would overflow in it."""
    return x.astype(np.float32) if getattr(x, "dtype", None) == np.float16 else x


def _in(out: Array, x: Array) -> Array:
    return out.astype(x.dtype) if getattr(x, "dtype", out.dtype) != out.dtype else out


def _erf(x: Array) -> Array:
    if np.iscomplexobj(x):
        return _complex_erf(x)
    wide = _wide(x)
    y = np.abs(wide)
    return _in(np.where(y <= NEAR, _erf_near(wide), np.copysign(1.0 - _erfc_tail(y), wide)), x)


def _erfc(x: Array) -> Array:
    if np.iscomplexobj(x):
        return _complex_erfc(x)
    wide = _wide(x)
    y = np.abs(wide)
    tail = _erfc_tail(y)
    return _in(np.where(y <= NEAR, 1.0 - _erf_near(wide), np.where(wide > 0, tail, 2.0 - tail)), x)


def _ndtr(x: Array) -> Array:
    if np.iscomplexobj(x):
        return _complex_ndtr(x)
    z = _wide(x) * SQRT_HALF
    y = np.abs(z)
    tail = 0.5 * _erfc_tail(y)
    return _in(np.where(y <= NEAR, 0.5 + 0.5 * _erf_near(z), np.where(z > 0, 1.0 - tail, tail)), x)


def _gaussian(x: Array, end: float) -> Array:
    """exp(-x²), whose square does not overflow: beyond `end` all is 0."""
    if x.dtype.kind != "c":
        x = np.clip(x, -end, end)
    return np.exp(-x * x)


erf = elementwise(
    _erf,
    numpy="scipy.special.erf",
    vjps=[lambda g, ans, x: g * (2.0 * ONE_OVER_SQRT_PI * _gaussian(x, END))],
    complex=True,
    name="erf",
    latex=r"\operatorname{{erf}}({x})",
    doc="""The error function 2/√π ∫₀ˣ exp(-t²) dt, to rounding: W. J. Cody (1969); of complex numbers SciPy's.

    Example:
        >>> erf(np.array([0.0, 0.5, 2.0])).round(6)
        array([0.      , 0.5205  , 0.995322])
    """,
)
erfc = elementwise(
    _erfc,
    numpy="scipy.special.erfc",
    vjps=[lambda g, ans, x: -g * (2.0 * ONE_OVER_SQRT_PI * _gaussian(x, END))],
    complex=True,
    name="erfc",
    latex=r"\operatorname{{erfc}}({x})",
    doc="""1 - erf(x), with all its digits where erf(x) is near 1: W. J. Cody (1969); of complex numbers SciPy's.

    Example:
        >>> erfc(np.array([0.0, 1.0, 2.0])).round(6)
        array([1.      , 0.157299, 0.004678])
    """,
)
ndtr = elementwise(
    _ndtr,
    numpy="scipy.special.ndtr",
    vjps=[lambda g, ans, x: g * (SQRT_HALF * ONE_OVER_SQRT_PI * _gaussian(SQRT_HALF * x, END))],
    complex=True,
    name="ndtr",
    symbol="Φ",
    latex=r"\Phi({x})",
    doc="""The normal distribution function Φ(x) = (1 + erf(x/√2)) / 2, with all its digits in the lower tail too; of
    complex numbers SciPy's.

    Example:
        >>> ndtr(np.array([-1.0, 0.0, 1.96])).round(4)
        array([0.1587, 0.5   , 0.975 ])
    """,
)

# --- inverses; SciPy's

erfinv = elementwise(
    "scipy.special.erfinv",
    vjps=[lambda g, ans, x: g * (0.5 / ONE_OVER_SQRT_PI * np.exp(ans * ans))],
    domain=[(-1.0, 1.0)],
    latex=r"\operatorname{{erf}}^{{-1}}({x})",
    doc="""The inverse of erf, for x between -1 and 1: SciPy's.

    Example:
        >>> erfinv(np.array([0.0, 0.5])).round(6)
        array([0.      , 0.476936])
    """,
)
erfcinv = elementwise(
    "scipy.special.erfcinv",
    vjps=[lambda g, ans, x: -g * (0.5 / ONE_OVER_SQRT_PI * np.exp(ans * ans))],
    domain=[(0.0, 2.0)],
    latex=r"\operatorname{{erfc}}^{{-1}}({x})",
    doc="""The inverse of erfc, for x between 0 and 2: SciPy's.

    Example:
        >>> erfcinv(np.array([1.5, 0.5])).round(6)
        array([-0.476936,  0.476936])
    """,
)
ndtri = elementwise(
    "scipy.special.ndtri",
    vjps=[lambda g, ans, x: g * (SQRT_HALF / ONE_OVER_SQRT_PI * 2.0 * np.exp(0.5 * ans * ans))],
    domain=[(0.0, 1.0)],
    symbol="Φ⁻¹",
    latex=r"\Phi^{{-1}}({x})",
    doc="""The quantile of the normal distribution, the inverse of ndtr: SciPy's.

    Example:
        >>> ndtri(np.array([0.5, 0.975])).round(4)
        array([0.  , 1.96])
    """,
)

# --- logarithms; SciPy's

SERIES = 30.0  # from here on 2 x erfcx(x) has lost three digits to 2/√π


def _erfcx_slope(x: Array, ans: Array) -> Array:
    """2 x erfcx(x) - 2/√π, from x = 30 on by its asymptotic series in 1/x², -1/(√π x²) (1 - 3/(2x²) + ...)."""
    beyond = (np.abs(x) > SERIES) & (np.real(x) > -0.9 * np.abs(np.imag(x)))  # where exp(x²) vanishes, or is no part
    far = 1.0 / np.where(beyond, x, SERIES)
    z = 0.5 * far * far
    series = 1.0 - 3.0 * z * (1.0 - 5.0 * z * (1.0 - 7.0 * z * (1.0 - 9.0 * z)))
    near = 2.0 * np.where(beyond, 0.0, x) * np.where(beyond, 0.0, ans) - 2.0 * ONE_OVER_SQRT_PI
    return np.where(beyond, -ONE_OVER_SQRT_PI * far * far * series, near)


erfcx = elementwise(
    "scipy.special.erfcx",
    vjps=[lambda g, ans, x: g * _erfcx_slope(x, ans)],
    complex=True,
    latex=r"e^{{{x}^2}} \operatorname{{erfc}}({x})",
    doc="""exp(x²) erfc(x), which does not vanish where erfc does: SciPy's.

    Example:
        >>> erfcx(np.array([0.0, 100.0])).round(6)
        array([1.      , 0.005642])
    """,
)


def _log_ndtr_slope(x: Array, ans: Array) -> Array:
    """The density over the distribution: below 0 by erfcx, since both vanish; where both overflow, likewise."""
    below = np.real(x) < np.abs(np.imag(x))
    ratio = 2.0 * SQRT_HALF * ONE_OVER_SQRT_PI / erfcx(-SQRT_HALF * np.where(below, x, 0.0))
    density = SQRT_HALF * ONE_OVER_SQRT_PI * _gaussian(SQRT_HALF * np.where(below, 0.0, x), END)
    return np.where(below, ratio, density * np.exp(-np.where(below, 0.0, ans)))


log_ndtr = elementwise(
    "scipy.special.log_ndtr",
    vjps=[lambda g, ans, x: g * _log_ndtr_slope(x, ans)],
    complex=True,
    symbol="ln Φ",
    latex=r"\ln \Phi({x})",
    doc="""The logarithm of the normal distribution function, also where that is no float: SciPy's.

    Example:
        >>> float(log_ndtr(-50.0).round(4))
        -1254.8314
    """,
)
