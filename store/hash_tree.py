"""What a replica holds in one partition, as hashes that can be compared from the top (Dynamo, section 4.7).

Two levels: one root over a fixed number of leaves, each leaf over the keys that fall into it.  Replicas
that agree find out by one comparison; those that do not narrow it down to leaves, then to keys.

A leaf is the exclusive or of one hash per entry, so that adding, replacing and removing cost the same
whatever the tree holds.  Each of these hashes covers the key *and* the digest of its state: without the
key, swapping the states of two keys would cancel out and go unnoticed.

Rules of this file
  1. The hash depends on the contents alone, not on the order in which they came, nor on PYTHONHASHSEED.
  2. A leaf is empty when it has no entries, not when its hash happens to be zero.
"""

from hashlib import blake2b
from zlib import crc32

from store.messages import Key

_HASH_BYTES = 8
_INDEX_BYTES = 4


class HashTree:
    """Keys with the digests of their states, and the hashes over them. Mutable; one per partition."""

    __slots__ = ("_contents", "_count", "_hashes", "_root")

    def __init__(self, leaves: int = 64) -> None:
        """ValueError: fewer than one leaf. Replicas that compare trees must use the same number."""
        if leaves < 1:
            raise ValueError(f"a hash tree with {leaves} leaves holds nothing; choose at least 1")
        self._count = leaves
        self._contents: dict[int, dict[Key, bytes]] = {}
        self._hashes: dict[int, int] = {}
        self._root: bytes | None = b""

    @property
    def root(self) -> bytes:
        """One hash over everything; empty for an empty tree. Computed when asked for after a change."""
        if self._root is None:
            self._root = self._top() if self._contents else b""
        return self._root

    def put(self, key: Key, digest: bytes) -> None:
        """The key is held with this digest now. Adds it or replaces the digest it was held with."""
        leaf = self._leaf(key)
        entries = self._contents.setdefault(leaf, {})
        before = entries.get(key)
        if before == digest:
            return
        change = _entry(key, digest) if before is None else _entry(key, before) ^ _entry(key, digest)
        entries[key] = digest
        self._hashes[leaf] = self._hashes.get(leaf, 0) ^ change
        self._root = None

    def remove(self, key: Key) -> None:
        """The key is held no longer. Nothing happens when it was not."""
        leaf = self._leaf(key)
        entries = self._contents.get(leaf)
        digest = None if entries is None else entries.pop(key, None)
        if entries is None or digest is None:
            return
        if entries:
            self._hashes[leaf] ^= _entry(key, digest)
        else:
            del self._contents[leaf]
            del self._hashes[leaf]
        self._root = None

    def leaves(self) -> dict[int, bytes]:
        """The hash of every leaf that is not empty, by index in order."""
        return {leaf: self._hashes[leaf].to_bytes(_HASH_BYTES, "big") for leaf in sorted(self._hashes)}

    def keys(self, leaf: int) -> dict[Key, bytes]:
        """The keys of one leaf with their digests (a copy); empty also for an index that does not exist."""
        return dict(self._contents.get(leaf, ()))

    def _leaf(self, key: Key) -> int:
        return crc32(key) % self._count

    def _top(self) -> bytes:
        top = blake2b(digest_size=_HASH_BYTES)
        for leaf in sorted(self._hashes):
            top.update(leaf.to_bytes(_INDEX_BYTES, "big") + self._hashes[leaf].to_bytes(_HASH_BYTES, "big"))
        return top.digest()


def _entry(key: Key, digest: bytes) -> int:
    """The hash of one entry. The length keeps (`ab`, `c`) and (`a`, `bc`) apart."""
    body = len(key).to_bytes(_INDEX_BYTES, "big") + key + digest
    return int.from_bytes(blake2b(body, digest_size=_HASH_BYTES).digest(), "big")
