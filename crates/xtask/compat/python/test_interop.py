import pytest


def work(n):
    total = 0
    for i in range(n):
        total = (total * 31 + i) & 0xFFFFFFFF
    return total


@pytest.mark.benchmark(max_rounds=3, min_time=0)
def test_marked():
    assert work(2000) >= 0


@pytest.mark.parametrize("n", [500, 1000])
def test_fixture(benchmark, n):
    benchmark(work, n)


def test_allocates(benchmark):
    # By malloc, with whatever allocator Python uses.
    benchmark(bytearray, 3_000_000)


def test_pedantic(benchmark):
    benchmark.pedantic(work, args=(1500,), rounds=4, iterations=2, warmup_rounds=1)
