"""A real Kubernetes node on a bare Debian machine, in namespaces of its own."""
