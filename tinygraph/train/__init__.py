"""Training: `fit`, what it is made of, and the diagnosis of what goes wrong.

The bare loop, for those who want to see it; `fit` is this and what one comes to want around it:

Example:
    >>> import tinygraph as tg
    >>> from tinygraph import data, nn, optim
    >>> train, dev = data.split(*data.digits()).parts
    >>> model = nn.Sequential(nn.Linear(64, 32, rng=0), nn.ReLU(), nn.Linear(32, 10, rng=1))
    >>> optimizer = optim.Adam(model.parameters(), lr=0.01)
    >>> for epoch in range(3):
    ...     for x, y in data.Batches(*train, batch_size=32, seed=epoch):
    ...         loss = tg.cross_entropy(model(x), y)
    ...         optimizer.zero_grad()
    ...         loss.backward(retain_graph=False)
    ...         optimizer.step()
    >>> with tg.no_grad():
    ...     found = model.eval()(dev.x).data.argmax(axis=1)
    >>> bool((found == dev.y).mean() > 0.9)
    True
"""

from tinygraph.train.diagnosis import Diagnosis, diagnose
from tinygraph.train.evaluation import accuracy, evaluate, predict
from tinygraph.train.fit import fit
from tinygraph.train.flow import Flow, dead_relus, gradient_flow
from tinygraph.train.history import History
from tinygraph.train.loop import Run
from tinygraph.train.memory import tune_malloc
from tinygraph.train.sanity import lr_range_test, overfit_one_batch
from tinygraph.train.search import Choice, Integer, LogUniform, Search, Uniform, search
from tinygraph.train.stopping import EarlyStopping
from tinygraph.train.update import DivergenceError

__all__ = [
    "Choice",
    "Diagnosis",
    "DivergenceError",
    "EarlyStopping",
    "Flow",
    "History",
    "Integer",
    "LogUniform",
    "Run",
    "Search",
    "Uniform",
    "accuracy",
    "dead_relus",
    "diagnose",
    "evaluate",
    "fit",
    "gradient_flow",
    "lr_range_test",
    "overfit_one_batch",
    "predict",
    "search",
    "tune_malloc",
]
