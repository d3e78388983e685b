"""How much to measure: `full` for the record, `quick` for a look, `tiny` to prove that it all runs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Profile:
    """Sizes and repetitions.

    Attributes:
        rounds: how often each contestant is sampled; a ratio is taken within a round.
        sample_seconds: a sample repeats the work until it lasts about this long.
        record_ops: operations in one call of the `record` workload.
        chain_steps: steps `x = tanh(x*w + w)`, of three operations each.
        chain_sizes: elements of x and w; 0 stands for a 0-d array.
        networks: widths of the layers, input first.
        batches: rows in a batch.
        convolutions, convolutional: layers and networks of the `conv` workload, as the fields of its `Layer` and
            `Network`.
        derivatives: inputs of the Hessians, and of the Jacobian, which has as many outputs.
        million_ops, million_rounds: the length of the long chain, and how many processes run it.
        startup_rounds: processes started for each import.
        models: whether all of the `models` workload run, or two small ones.
        dtype: of the networks of `mlp` and `models`.
        fit_rounds, fit_epochs: processes that train, and for how many epochs; None as long as the task says.
    """

    rounds: int
    sample_seconds: float
    record_ops: int
    chain_steps: int
    chain_sizes: tuple[int, ...]
    networks: tuple[tuple[int, ...], ...]
    batches: tuple[int, ...]
    convolutions: tuple[tuple[int, ...], ...]
    convolutional: tuple[tuple[int, int, tuple[int, int], int, int], ...]
    derivatives: tuple[int, int]
    million_ops: int
    million_rounds: int
    startup_rounds: int
    fit_rounds: int
    fit_epochs: int | None = None
    models: bool = True
    dtype: str = "float32"


NETWORKS = ((64, 64, 10), (784, 128, 64, 10))
CONVOLUTIONS = (
    (32, 1, 28, 6, 5, 0),
    (32, 8, 14, 16, 5, 0),
    (32, 8, 14, 16, 3, 1),
    (64, 1, 8, 16, 3, 1),
    (64, 16, 8, 32, 3, 1),
    (1, 8, 14, 16, 3, 1),
    (64, 1, 28, 6, 5, 2),  # LeNet's
    (64, 6, 14, 16, 5, 0),
    (32, 16, 32, 16, 3, 1),  # of residual networks
    (32, 32, 16, 32, 3, 1),
    (32, 64, 8, 64, 3, 1),
    (32, 64, 16, 64, 1, 0),
    (32, 16, 32, 32, 3, 1, 2),
    (8, 3, 64, 8, 11, 5),  # a large kernel
    (32, 1, 64, 1, 3, 1),
    (1, 16, 32, 16, 3, 1),
)
CONVOLUTIONAL = ((32, 28, (6, 16), 5, 0), (64, 8, (16, 32), 3, 1), (1, 8, (16, 32), 3, 1))

PROFILES = {
    "full": Profile(
        rounds=15,
        sample_seconds=0.03,
        record_ops=1000,
        chain_steps=100,
        chain_sizes=(0, 10, 100, 1000, 100_000),
        networks=NETWORKS,
        batches=(1, 64),
        convolutions=CONVOLUTIONS,
        convolutional=CONVOLUTIONAL,
        derivatives=(1000, 200),
        million_ops=1_000_000,
        million_rounds=3,
        startup_rounds=15,
        fit_rounds=5,
    ),
    "quick": Profile(
        rounds=7,
        sample_seconds=0.01,
        record_ops=1000,
        chain_steps=100,
        chain_sizes=(0, 10, 1000, 100_000),
        networks=NETWORKS,
        batches=(1, 64),
        convolutions=CONVOLUTIONS,
        convolutional=CONVOLUTIONAL,
        derivatives=(1000, 200),
        million_ops=100_000,
        million_rounds=1,
        startup_rounds=5,
        fit_rounds=3,
    ),
    "tiny": Profile(
        rounds=2,
        sample_seconds=0.0,
        record_ops=5,
        chain_steps=3,
        chain_sizes=(0, 10, 100_000),
        networks=((6, 5, 4, 3),),
        batches=(1, 2),
        convolutions=((2, 1, 6, 2, 3, 1),),
        convolutional=((2, 8, (2, 3), 3, 1),),
        derivatives=(6, 4),
        million_ops=300,
        million_rounds=1,
        startup_rounds=1,
        fit_rounds=1,
        fit_epochs=1,
        models=False,
    ),
}
