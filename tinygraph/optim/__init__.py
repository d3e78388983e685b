"""Optimizers: pure update rules in NumPy, and the shells with PyTorch's names that do them to Tensors."""

from tinygraph.optim.adam import adam, adamw, amsgrad, lion
from tinygraph.optim.adaptive import adadelta, adagrad, rmsprop
from tinygraph.optim.clip import clip, clip_by_global_norm, clip_grad_norm_, clip_grad_value_
from tinygraph.optim.descent import momentum, sgd
from tinygraph.optim.optimizer import Optimizer
from tinygraph.optim.rule import (
    Rule,
    add_decayed_weights,
    apply_updates,
    chain,
    leafwise,
    scale,
    stateless,
)
