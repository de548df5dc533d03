"""Bug seeds: known bugs of real stores, each replacing a policy or two. docs/bug-seeds.md tells how."""
