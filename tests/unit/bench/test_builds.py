"""What the benchmark of builds writes."""

from __future__ import annotations

from bench import builds


def test_the_table_has_medians_goals_and_ratios() -> None:
    times = {builds.MINBASE: {builds.COLD: [9.0]}, "default": {builds.COLD: [61.0, 50.0, 62.0], builds.CHANGE: [4.0]}}
    sizes = {builds.MINBASE: {"unpacked": 50_000_000}, "default": {"unpacked": 100_000_000, "pulled as gzip": 7_000_000}}
    lines = builds.markdown(times, sizes, 3).splitlines()
    assert "| default | cold | 61 | 50–62 | 60, **missed** |" in lines
    assert "| default | after a change in rootfs/ | 4 | 4–4 | 5, reached |" in lines
    assert "| trixie minbase | cold | 9 | 9–9 |  |" in lines
    assert "| trixie minbase | 50.0 (0.50 ×) | – |" in lines
    assert "| default | 100.0 (1.00 ×) | 7.0 (1.00 ×) |" in lines
