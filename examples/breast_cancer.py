"""Logistic regression on real tumours: benign or malignant? And what it decides by."""

import numpy as np

import tinygraph as tg
from tinygraph import data, nn, optim, train

FIGURES = "radius texture perimeter area smoothness compactness concavity concave-points symmetry fractal-dimension"
FEATURES = [f"{kind} {figure}" for kind in ("mean", "error of", "worst") for figure in FIGURES.split()]


def main() -> None:
    try:
        x, y = data.breast_cancer()
    except ModuleNotFoundError:
        print("scikit-learn is not installed, so there are no tumours: pip install scikit-learn")
        return
    parts = data.split(x, y[:, None].astype(float), "80/20", stratify=y)
    normalizer = data.Normalizer().fit(parts.train.x)
    train_x, test_x = normalizer(parts.train.x), normalizer(parts.test.x)

    model = nn.Linear(30, 1, weight_init="zeros")
    history = train.fit(
        model,
        tg.binary_cross_entropy_with_logits,
        optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.1),
        (train_x, parts.train.y),
        epochs=50,
    )
    for epoch in (0, 9, 49):
        print(f"epoch {epoch + 1:2d}  loss {history['loss'][epoch]:.4f}")
    z = train.predict(model, test_x)
    print(f"held-out accuracy {train.accuracy(z, parts.test.y):.4f}")
    missed = np.sum((z > 0) & (parts.test.y == 0))
    print(f"of {np.sum(parts.test.y == 0)} malignant tumours {missed} were taken for benign")
    heaviest = np.argmax(np.abs(model.weight.data))
    print(f"what weighs most: the {FEATURES[heaviest]}")


if __name__ == "__main__":
    main()
