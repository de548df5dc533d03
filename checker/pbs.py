"""How stale a Dynamo store with fixed replicas should be: Probabilistically Bounded Staleness.

Two models of a key with `n` replicas, of which a read waits for `r` and a write for `w`:

  k-staleness    a read misses the last k writes with probability (C(n-w, r) / C(n, r)) ** k
  t-visibility   the four messages of a quorum take random times (WARS: write, acknowledgement, read,
                 response).  A write is committed with the w-th acknowledgement; a read that begins t ms
                 later uses the r replies that arrive first, and is stale if none of those replicas had
                 received the write when the read reached it.

Latencies are drawn from mixtures of a Pareto body and an exponential tail, as fitted to production systems by
the authors, or from a user's own samples.  Rules of the model: no failures, no read repair, one write, and
the same replicas for reads and writes; a store with sloppy quorums or repairs will differ, which is the point
of the comparison.

With numpy (the extra `scale`) TRIALS are drawn, without it a tenth of them.

Source: Bailis, Venkataraman, Franklin, Hellerstein, Stoica: Probabilistically Bounded Staleness for Practical
Partial Quorums, VLDB 2012, sections 3 to 5 and table 3.
"""

import importlib.util
import math
import random
from bisect import bisect_left
from collections.abc import Callable, Sequence

import msgspec

TRIALS = 200_000
TRIALS_PLAIN = 20_000


class Mixture(msgspec.Struct, frozen=True, kw_only=True):
    """`body` of the messages take Pareto(`scale` ms, `shape`), the others exponential times.

    `rate` of these is per ms.
    """

    body: float
    scale: float
    shape: float
    rate: float


class Fit(msgspec.Struct, frozen=True, kw_only=True):
    """One-way latencies in ms: a mixture or samples for each message.

    `remote` is added on every way to a replica in another data centre; only one of the replicas is near.
    """

    write: Mixture | tuple[float, ...]
    other: Mixture | tuple[float, ...]
    remote: float = 0.0


_SSD = Mixture(body=0.9122, scale=0.235, shape=10.0, rate=1.66)
_DISK = Mixture(body=0.38, scale=1.05, shape=1.51, rate=0.183)

FITS = {
    "LNKD-SSD": Fit(write=_SSD, other=_SSD),
    "LNKD-DISK": Fit(write=_DISK, other=_SSD),
    "YMMR": Fit(
        write=Mixture(body=0.939, scale=3.0, shape=3.35, rate=0.0028),
        other=Mixture(body=0.982, scale=1.5, shape=3.8, rate=0.0217),
    ),
    "WAN": Fit(write=_DISK, other=_SSD, remote=75.0),
}
"""The published fits, by name."""


def miss(n: int, r: int, w: int) -> float:
    """The probability that a read quorum and a write quorum have no replica in common."""
    quorums(n, r, w)
    return math.comb(n - w, r) / math.comb(n, r)


def within(n: int, r: int, w: int, k: int) -> float:
    """The probability that a read returns one of the last `k` versions."""
    return 1.0 - miss(n, r, w) ** k


def monotonic(n: int, r: int, w: int, writes_per_read: float) -> float:
    """The probability that a client's read is no older than its last one, at this rate of others' writes."""
    return float(1.0 - miss(n, r, w) ** (1.0 + writes_per_read))


def quorums(n: int, r: int, w: int) -> None:
    """Refuse numbers that are no quorums. Raises ValueError."""
    if not (0 < r <= n and 0 < w <= n):
        raise ValueError(f"n={n}, r={r}, w={w}: expected 1 <= r <= n and 1 <= w <= n")


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """What the trials gave, sorted, in ms: how long a write stays invisible, and what clients wait for.

    `delays` holds for each trial the time after the commit from which a read is consistent (0 or less: at
    once).
    """

    delays: Sequence[float]
    reads: Sequence[float]
    writes: Sequence[float]

    def consistent(self, after_ms: float) -> float:
        """The probability that a read begun this long after the commit returns the write."""
        # The trial is consistent from its delay on.
        return bisect_left(self.delays, math.nextafter(after_ms, math.inf)) / len(self.delays)

    def visible(self, probability: float) -> float:
        """After how many ms a read is consistent with this probability; 0 where it always is."""
        return max(0.0, quantile(self.delays, probability))

    def latency(self, probability: float) -> float:
        """The quantile of the read latency plus that of the write latency, as the paper's tables add them."""
        return quantile(self.reads, probability) + quantile(self.writes, probability)


def quantile(ordered: Sequence[float], probability: float) -> float:
    """The smallest value that this share of the sorted values does not exceed."""
    return float(ordered[min(len(ordered) - 1, max(0, math.ceil(probability * len(ordered)) - 1))])


def predict(fit: Fit, n: int, r: int, w: int, *, seed: int = 0, trials: int | None = None) -> Prediction:
    """Monte Carlo over WARS. Raises ValueError for quorums that are none.

    For each replica among the r that answer first, a read misses the write if it arrives before it:
    commit + t + R < W.  It is consistent from the t on at which the first of them no longer does.
    """
    quorums(n, r, w)
    if importlib.util.find_spec("numpy") is not None:
        return _predict_arrays(fit, (n, r, w), seed, trials or TRIALS)
    return predict_plain(fit, n, r, w, seed=seed, trials=trials)


def predict_plain(
    fit: Fit, n: int, r: int, w: int, *, seed: int = 0, trials: int | None = None
) -> Prediction:
    """As `predict`, without numpy."""
    rng = random.Random(seed)
    write, other = _sampler(fit.write, rng), _sampler(fit.other, rng)
    delays, reads, writes = [], [], []
    for _ in range(trials or TRIALS_PLAIN):
        # The client writes and reads through coordinators of their own, each near to one replica.
        far_write, far_read = (_distances(fit, n, rng.randrange(n)) for _ in range(2))
        arrived = [write() + far for far in far_write]
        asked = [other() + far for far in far_read]
        commit = sorted(a + other() + far for a, far in zip(arrived, far_write, strict=True))[w - 1]
        answers = sorted(
            (a + other() + far, at) for at, (a, far) in enumerate(zip(asked, far_read, strict=True))
        )
        delays.append(min(arrived[at] - asked[at] for _, at in answers[:r]) - commit)
        reads.append(answers[r - 1][0])
        writes.append(commit)
    return Prediction(delays=sorted(delays), reads=sorted(reads), writes=sorted(writes))


def _distances(fit: Fit, n: int, near: int) -> list[float]:
    return [0.0 if at == near else fit.remote for at in range(n)]


def _sampler(of: Mixture | tuple[float, ...], rng: random.Random) -> Callable[[], float]:
    if isinstance(of, tuple):
        return lambda: rng.choice(of)
    return lambda: (
        of.scale * rng.paretovariate(of.shape) if rng.random() < of.body else rng.expovariate(of.rate)
    )


def _predict_arrays(fit: Fit, quorum: tuple[int, int, int], seed: int, trials: int) -> Prediction:
    import numpy as np

    n, r, w = quorum
    rng = np.random.default_rng(seed)

    def draw(of: Mixture | tuple[float, ...]) -> "np.typing.NDArray[np.float64]":
        if isinstance(of, tuple):
            return rng.choice(np.asarray(of, np.float64), (trials, n))
        body = of.scale * (1.0 + rng.pareto(of.shape, (trials, n)))
        return np.where(rng.random((trials, n)) < of.body, body, rng.exponential(1 / of.rate, (trials, n)))

    def far() -> "np.typing.NDArray[np.float64]":
        distance = np.full((trials, n), fit.remote)
        distance[np.arange(trials), rng.integers(0, n, trials)] = 0.0
        return distance

    far_write, far_read = far(), far()
    arrived, asked = draw(fit.write) + far_write, draw(fit.other) + far_read
    commit = np.sort(arrived + draw(fit.other) + far_write, axis=1)[:, w - 1]
    answered = asked + draw(fit.other) + far_read
    first = np.argsort(answered, axis=1)[:, :r]
    waited = np.take_along_axis(arrived - asked, first, axis=1).min(axis=1)
    latency = np.sort(answered, axis=1)[:, r - 1]
    return Prediction(
        delays=np.sort(waited - commit).tolist(),
        reads=np.sort(latency).tolist(),
        writes=np.sort(commit).tolist(),
    )
