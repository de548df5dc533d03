"""Proxies on the links between nodes: an embedded one, real Toxiproxy, and one client for both."""
