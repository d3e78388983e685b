"""The table: one record for every operation. Imports NumPy and `tinygraph.op`, nothing else."""

from tinygraph.ops import constant
from tinygraph.ops.elementwise import *
from tinygraph.ops.index import *
from tinygraph.ops.linalg import *
from tinygraph.ops.nn import *
from tinygraph.ops.reduce import *
from tinygraph.ops.shape import *
