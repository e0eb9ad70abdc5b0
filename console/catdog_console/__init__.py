"""The console: a page to look at models and to play with them; it changes nothing in the cluster."""
