"""A stand-in for Strimzi's cluster, topic, user and access operators, over Strimzi's own custom resources.

Strimzi's images are in no package registry, so a machine that reaches nothing else could not run it.
This does what its operators do for the resources that this project uses, down to the conditions, Secrets
and names that they leave, and no better; the broker it starts is a real Kafka.
"""
