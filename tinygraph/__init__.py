from tinygraph.tensor import Tensor
