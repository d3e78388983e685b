"""A torch.autograd.Function of one's own, checked: its values in double precision say whether its backward is right."""

import numpy as np

from tinygraph.check import compare_pair
from tinygraph.check.adapters import torch_pair

try:
    import torch
except ImportError:
    torch = None


def clipped_square(forgetful):
    """x², whose gradient is clipped to 1 where |x| > 1/2, as in the Huber loss; or that forgets to be so."""

    class ClippedSquare(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return torch.where(x.abs() <= 0.5, x**2, x.abs() - 0.25)

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * 2 * x if forgetful else g * torch.clamp(2 * x, -1, 1)

    return ClippedSquare.apply


def main() -> None:
    if torch is None:
        print("PyTorch is not installed, so there is nothing to check: pip install torch")
        return
    x = np.array([-2.0, -0.3, 0.0, 0.1, 0.5, 0.7])
    print("clipped:", compare_pair(*torch_pair(clipped_square(forgetful=False)), x))
    print("forgetful:", compare_pair(*torch_pair(clipped_square(forgetful=True)), x))
    single = compare_pair(*torch_pair(clipped_square(forgetful=True), dtype="float32"), x, power=0.01)
    print(f"in float32 the bounds are wider, and the fault is seen as well: {single.wrong} wrong")


if __name__ == "__main__":
    main()
