"""tinygraph: write NumPy, the graph writes itself."""
from tinygraph.mode import debug, no_grad
from tinygraph.op import OPS, Kink, Op, op
from tinygraph.ops import *
from tinygraph.tensor import Tensor
from tinygraph.transforms import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
