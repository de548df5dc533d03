"""The checkers that came with Jepsen: sets, queues, counters, ids, banks, forks, statistics."""
