"""Transactions: list-append and rw-register histories, judged by the dependencies between transactions."""
