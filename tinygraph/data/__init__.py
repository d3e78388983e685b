"""Data: sets that come with the package, readers of files, splits, normalisation, augmentation and mini-batches."""

from tinygraph.data.augment import compose, crop, flip, noise, shift
from tinygraph.data.batches import Batches
from tinygraph.data.digits import digits
from tinygraph.data.files import mnist, read_idx, read_npz
from tinygraph.data.labels import from_one_hot, one_hot
from tinygraph.data.normalizer import Normalizer
from tinygraph.data.real import breast_cancer, diabetes, iris, wine
from tinygraph.data.samples import Samples, Split, split
from tinygraph.data.synthetic import adding_problem, blobs, circles, flower, moons
from tinygraph.data.table import read_csv
from tinygraph.data.text import Characters, sequences, sonnets

__all__ = [
    "Batches",
    "Characters",
    "Normalizer",
    "Samples",
    "Split",
    "adding_problem",
    "blobs",
    "breast_cancer",
    "circles",
    "compose",
    "crop",
    "diabetes",
    "digits",
    "flip",
    "flower",
    "from_one_hot",
    "iris",
    "mnist",
    "moons",
    "noise",
    "one_hot",
    "read_csv",
    "read_idx",
    "read_npz",
    "sequences",
    "shift",
    "sonnets",
    "split",
    "wine",
]
