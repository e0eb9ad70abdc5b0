"""What trainer, worker, client and operator share: images, the artifact, its predictor, Kafka's security."""
