"""NumPy's public functions that stand for nothing in the table, and why. `docs/ops.md` is made from it.

A function that NumPy adds stands nowhere: `tests/test_ops_page.py` names it, and it gets a rule or a line here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tinygraph.op import OPS, Op

MODULES = {"numpy": np, "numpy.linalg": np.linalg, "numpy.fft": np.fft}

# reason: the functions, NumPy's own without a prefix
REASONS = {
    "makes an array of constants; make it, then compute with Tensors": """
        arange array asanyarray asarray asarray_chkfinite ascontiguousarray asfarray asfortranarray asmatrix bartlett
        blackman bmat diag_indices empty eye frombuffer from_dlpack fromfile fromfunction fromiter fromregex fromstring
        full genfromtxt hamming hanning identity indices ix_ kaiser load loadtxt mask_indices mat
        ones require tri tril_indices triu_indices zeros fft.fftfreq fft.rfftfreq""",
    "reads types, texts, dates, bits or files, no real numbers; of a Tensor give it `.numpy()`": """
        base_repr binary_repr busday_count busday_offset datetime_as_string datetime_data format_float_positional
        format_float_scientific is_busday isdtype isfortran isnat isscalar issctype issubclass_ issubdtype issubsctype
        iterable maximum_sctype mintypecode obj2sctype packbits promote_types sctype2char save savetxt savez
        savez_compressed typename unpackbits find_common_type cast nbytes recfromcsv recfromtxt fastCopyAndTranspose""",
    "is about NumPy itself": """
        add_docstring add_newdoc add_newdoc_ufunc byte_bounds compare_chararrays deprecate deprecate_with_doc disp
        einsum_path broadcast_shapes get_array_wrap get_include get_printoptions getbufsize geterr geterrcall geterrobj
        info lookfor nested_iters printoptions safe_eval seterr seterrcall seterrobj set_numeric_ops set_printoptions
        set_string_function setbufsize show_config show_runtime source test tracemalloc_domain
        who linalg.test fft.test""",
    "calls a Python function for each element: write it for the whole array, which is faster too": "frompyfunc",
    "its counts have no derivative, and its edges follow the data: use `.numpy()`, or `np.bincount` with weights": """
        histogram histogram2d histogram_bin_edges histogramdd""",
    "how many elements come out depends on their values: take them with `np.unique`, `np.isin` and an index": """
        in1d intersect1d setdiff1d setxor1d trim_zeros union1d unique_all unique_counts unique_inverse unique_values""",
    "differs from its argument by rounding alone": "nextafter",
    "makes complex numbers of others; use `np.sort`": "sort_complex",
    "a long division whose length depends on the values": "polydiv",
    "is another name that NumPy gives up: `np.vstack`, `np.prod`, `np.cumprod`, `np.trapezoid`, `np.all`, `np.any`": """
        row_stack product cumproduct trapz alltrue sometrue msort round_""",
    "takes arrays of whole numbers in a tuple; give their `.numpy()`": "ravel_multi_index",
}

AWAITED = ""  # these may get a rule any day: no reason but that

WHY_NOT = {name: reason for reason, names in REASONS.items() for name in names.split()}
WHY_NOT |= {name: "has no rule yet" for name in AWAITED.split() if name not in WHY_NOT}


def public() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every public function of NumPy by its name, `linalg.norm` say."""
    for prefix, module in MODULES.items():
        for name in dir(module):
            if name.startswith("_") or (module is np and name in np.__dict__.get("__deprecated_attrs__", ())):
                continue
            value = getattr(module, name)
            if callable(value) and not isinstance(value, type):
                yield (prefix + "." + name).removeprefix("numpy."), value


def differentiable() -> dict[str, Any]:
    """{function of NumPy: what stands for it}, where there is a derivative."""
    found = {n: OPS.find(f) for n, f in public()}
    return {n: r for n, r in found.items() if r is not None and not (isinstance(r, Op) and r.constant)}


def constant() -> list[str]:
    return [n for n, f in public() if isinstance(r := OPS.find(f), Op) and r.constant]
