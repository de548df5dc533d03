"""What clients of a Dynamo store saw, judged read by read: plain for small histories, compiled for large."""
