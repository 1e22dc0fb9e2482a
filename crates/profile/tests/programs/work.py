"""Python functions that call each other deeply enough to show on a profile."""


def leaf(n):
    total = 0
    for i in range(n):
        total += i * i % 7
    return total


def middle(n):
    return sum(leaf(2000) for _ in range(n))


def deep(n):
    return middle(20) if n == 0 else deep(n - 1)


if __name__ == "__main__":
    for _ in range(60):
        deep(40)
