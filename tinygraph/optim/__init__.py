"""Optimizers: pure update rules in NumPy, and the shells with PyTorch's names that do them to Tensors."""

from tinygraph.optim.adam import adam, adamw, amsgrad, lion
from tinygraph.optim.adaptive import adadelta, adagrad, rmsprop
from tinygraph.optim.averages import EMA, SWA, AveragedWeights, exponential_average
from tinygraph.optim.clip import clip, clip_by_global_norm, clip_grad_norm_, clip_grad_value_
from tinygraph.optim.descent import momentum, sgd
from tinygraph.optim.lbfgs import LBFGS
from tinygraph.optim.optimizer import Optimizer
from tinygraph.optim.rule import Rule, add_decayed_weights, apply_updates, chain, leafwise, scale, stateless
from tinygraph.optim.scheduler import ReduceLROnPlateau, Scheduler
from tinygraph.optim.schedules import (
    constant,
    cosine,
    cosine_restarts,
    exponential,
    inverse_sqrt,
    inverse_time,
    multi_step,
    one_cycle,
    polynomial,
    sequence,
    staircase,
    warmup,
)
from tinygraph.optim.shells import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    AdamW,
    AMSGrad,
    Lion,
    Momentum,
    RMSprop,
)

__all__ = [
    "EMA",
    "LBFGS",
    "SGD",
    "SWA",
    "AMSGrad",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "AveragedWeights",
    "Lion",
    "Momentum",
    "Optimizer",
    "RMSprop",
    "ReduceLROnPlateau",
    "Rule",
    "Scheduler",
    "adadelta",
    "adagrad",
    "adam",
    "adamw",
    "add_decayed_weights",
    "amsgrad",
    "apply_updates",
    "chain",
    "clip",
    "clip_by_global_norm",
    "clip_grad_norm_",
    "clip_grad_value_",
    "constant",
    "cosine",
    "cosine_restarts",
    "exponential",
    "exponential_average",
    "inverse_sqrt",
    "inverse_time",
    "leafwise",
    "lion",
    "momentum",
    "multi_step",
    "one_cycle",
    "polynomial",
    "rmsprop",
    "scale",
    "sequence",
    "sgd",
    "staircase",
    "stateless",
    "warmup",
]
