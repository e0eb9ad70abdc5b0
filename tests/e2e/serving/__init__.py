"""No fault of workers or brokers loses a record, and few are answered again: what was in flight, at most."""
