"""Shapes of partitions: small cases in full, and what is refused."""

import random

import pytest

from nemesis.grudge import draw_grudge, shapes_for


def test_which_shapes_a_cluster_allows() -> None:
    assert shapes_for(1) == ()
    assert shapes_for(2) == ("halves", "isolate-one", "one-way")
    assert shapes_for(3) == ("halves", "isolate-one", "one-way", "bridge")


def test_two_nodes_in_halves() -> None:
    assert draw_grudge("halves", ("a", "b"), random.Random(1)).links == (("a", "b"), ("b", "a"))


def test_a_one_way_cut_of_two_nodes_leaves_the_other_direction() -> None:
    drawn = {draw_grudge("one-way", ("a", "b"), random.Random(seed)).links for seed in range(20)}
    assert drawn == {(("a", "b"),), (("b", "a"),)}


def test_the_bridge_reaches_everybody() -> None:
    grudge = draw_grudge("bridge", ("a", "b", "c"), random.Random(4))
    (bridge,) = grudge.targets
    assert len(grudge.links) == 2
    assert bridge not in {node for link in grudge.links for node in link}


def test_everybody_gets_a_turn() -> None:
    nodes = ("a", "b", "c", "d", "e")
    isolated = {draw_grudge("isolate-one", nodes, random.Random(seed)).targets for seed in range(60)}
    assert isolated == {(node,) for node in nodes}


def test_an_unknown_shape_names_the_known() -> None:
    with pytest.raises(ValueError, match="unknown partition shape 'star'; choose one of halves"):
        draw_grudge("star", ("a", "b"), random.Random(0))


def test_a_shape_that_needs_more_nodes_says_so() -> None:
    with pytest.raises(ValueError, match="bridge needs 3 nodes; this cluster has 2"):
        draw_grudge("bridge", ("a", "b"), random.Random(0))
