"""The computation graph of the course: J = 3 (a + b c), its values and its derivatives."""

import tinygraph as tg


def main() -> None:
    a, b, c = tg.Tensor(5.0, name="a"), tg.Tensor(3.0, name="b"), tg.Tensor(2.0, name="c")
    u = b * c
    v = a + u
    J = 3 * v
    u.name, v.name, J.name = "u", "v", "J"

    J.backward()
    for t in (a, b, c, u, v, J):
        print(f"{t.name} = {t.item():<4g}  dJ/d{t.name} = {t.grad.item():g}")


if __name__ == "__main__":
    main()
