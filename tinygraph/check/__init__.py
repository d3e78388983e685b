"""Gradient verification: numeric derivatives with error bounds, and a verdict for each element.

Example:
    >>> import numpy as np
    >>> from tinygraph.check import check_grads
    >>> check_grads(lambda x, w: np.tanh(x @ w), np.eye(2), np.ones((2, 3)), order=2)
"""

from tinygraph.check.backprop import check_backprop, compare_backprop
from tinygraph.check.course import CourseCheck, course_gradient_check, relative_difference
from tinygraph.check.differences import Estimate, numeric_grad
from tinygraph.check.fault import Culprit
from tinygraph.check.gradients import check_grads, compare_grads
from tinygraph.check.jacobians import numeric_jacobian
from tinygraph.check.laws import check_laws, compare_laws
from tinygraph.check.outcome import LawError, LawReport
from tinygraph.check.pairs import check_pair, compare_pair
from tinygraph.check.relation import relation
from tinygraph.check.report import Comparison, GradientError, Report
from tinygraph.check.training import TrainingReport, check_training, compare_training
from tinygraph.check.verdict import judge

__all__ = [
    "Comparison",
    "CourseCheck",
    "Culprit",
    "Estimate",
    "GradientError",
    "LawError",
    "LawReport",
    "Report",
    "TrainingReport",
    "check_backprop",
    "check_grads",
    "check_laws",
    "check_pair",
    "check_training",
    "compare_backprop",
    "compare_grads",
    "compare_laws",
    "compare_pair",
    "compare_training",
    "course_gradient_check",
    "judge",
    "numeric_grad",
    "numeric_jacobian",
    "relation",
    "relative_difference",
]
