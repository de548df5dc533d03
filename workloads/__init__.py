"""What the clients do: generators, client operations, one file per workload."""
