"""The Dynamo node: a pure protocol core, and a thin shell that does its input and output."""
