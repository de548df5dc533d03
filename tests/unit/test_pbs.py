"""The predictions of PBS: the published table within its bands, and the closed forms."""

import pytest

from checker import pbs

TABLE = [
    (("LNKD-DISK", 1, 1), 0.436, 54.0, None),
    (("LNKD-SSD", 1, 1), 0.974, 2.0, None),
    (("YMMR", 1, 1), None, 1505.0, 17.2),
    (("YMMR", 2, 1), None, 223.0, 45.2),
    (("YMMR", 3, 1), 1.0, 0.0, 230.7),
    (("WAN", 1, 1), 0.332, None, None),
]
"""(Fit, r, w), P(consistent at once), time to 99.9 %, latency of reads plus writes at 99.9 %; n is 3.

The published times are up to a fifth smaller than what the published fits give; these are of the fits.
"""


@pytest.mark.parametrize(("setting", "at_once", "visible", "latency"), TABLE)
def test_the_published_table_is_reproduced(
    setting: tuple[str, int, int], at_once: float | None, visible: float | None, latency: float | None
) -> None:
    fit, r, w = setting
    prediction = pbs.predict(pbs.FITS[fit], 3, r, w, seed=1)
    if at_once is not None:
        assert prediction.consistent(0.0) == pytest.approx(at_once, abs=0.01)
    if visible is not None:
        assert prediction.visible(0.999) == pytest.approx(visible, rel=0.2)
    if latency is not None:
        assert prediction.latency(0.999) == pytest.approx(latency, rel=0.1)


def test_without_numpy_it_is_the_same_within_the_noise() -> None:
    plain = pbs.predict_plain(pbs.FITS["LNKD-DISK"], 3, 1, 1, seed=2, trials=5000)
    assert plain.consistent(0.0) == pytest.approx(0.436, abs=0.03)
    assert plain.consistent(10.0) == pytest.approx(
        pbs.predict(pbs.FITS["LNKD-DISK"], 3, 1, 1, trials=20_000).consistent(10.0), abs=0.03
    )


def test_quorums_that_overlap_are_never_stale() -> None:
    for predict in (pbs.predict, pbs.predict_plain):
        for r, w in ((2, 2), (1, 3), (3, 1)):
            assert predict(pbs.FITS["YMMR"], 3, r, w, trials=2000).consistent(0.0) == 1.0
    assert pbs.miss(3, 2, 2) == 0.0


def test_longer_waits_are_never_worse() -> None:
    prediction = pbs.predict(pbs.FITS["LNKD-DISK"], 3, 1, 1, trials=5000)
    curve = [prediction.consistent(t) for t in (0, 1, 2, 5, 10, 50, 100)]
    assert curve == sorted(curve)
    assert prediction.visible(0.9) <= prediction.visible(0.99)


@pytest.mark.parametrize(
    ("n", "r", "w", "shares"),
    [
        (3, 1, 1, [0.333, 0.556, 0.704, 0.868, 0.983]),
        (3, 2, 1, [0.667, 0.889, 0.963, 0.996, 1.0]),
        (2, 1, 1, [0.5, 0.75, 0.875, 0.969, 0.999]),
    ],
)
def test_closed_form_of_k_staleness(n: int, r: int, w: int, shares: list[float]) -> None:
    assert [pbs.within(n, r, w, k) for k in (1, 2, 3, 5, 10)] == pytest.approx(shares, abs=0.001)


def test_large_partial_quorums_rarely_miss() -> None:
    assert pbs.miss(100, 30, 30) == pytest.approx(1.88e-6, rel=0.01)
    assert pbs.monotonic(3, 1, 1, 0.0) == pytest.approx(1 / 3)


def test_own_samples_are_drawn_from() -> None:
    fit = pbs.Fit(write=(5.0,), other=(1.0,))
    for predict in (pbs.predict, pbs.predict_plain):
        prediction = predict(fit, 3, 1, 1, trials=100)
        # Every message takes its one time: committed after 6 ms, and the replicas had it after 5.
        assert prediction.latency(0.5) == 8.0
        assert prediction.consistent(0.0) == 1.0


def test_numbers_that_are_no_quorums_are_refused() -> None:
    with pytest.raises(ValueError, match="expected 1 <= r <= n"):
        pbs.predict(pbs.FITS["WAN"], 3, 4, 1)
