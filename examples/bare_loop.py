"""Training in ten readable lines, and the same by `fit`."""

import tinygraph as tg
from tinygraph import data, nn, optim
from tinygraph.train import accuracy, evaluate, fit


def network():
    return nn.Sequential(nn.Linear(64, 64, rng=0), nn.ReLU(), nn.Linear(64, 10, rng=1))


def main() -> None:
    train, dev = data.split(*data.digits()).parts

    model = network()
    optimizer = optim.Adam(model.parameters(), lr=0.005)
    batches = data.Batches(*train, batch_size=32, seed=0)
    for epoch in range(15):
        for x, y in batches:
            optimizer.zero_grad()
            loss = tg.cross_entropy(model(x), y)
            loss.backward(retain_graph=False)
            optimizer.step()
        print(f"epoch {epoch + 1:2d}  loss of the last batch {loss.item():.4f}")
    by_hand = evaluate(model, None, dev, metrics={"accuracy": accuracy})["accuracy"]
    print(f"by hand: held-out accuracy {by_hand:.4f}")

    model = network()
    optimizer = optim.Adam(model.parameters(), lr=0.005)
    history = fit(model, tg.cross_entropy, optimizer, train, epochs=15, validation=dev, metrics={"accuracy": accuracy})
    print(f"by fit: held-out accuracy {history['val_accuracy'][-1]:.4f}")
    print(f"the same to the last bit: {history['val_accuracy'][-1] == by_hand}")


if __name__ == "__main__":
    main()
