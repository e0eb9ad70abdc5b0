"""A model's side in the cluster: what the API server says of it, and what is changed there."""
