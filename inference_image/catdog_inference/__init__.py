"""The inference worker: reads images from Kafka, answers cat or dog, and loses none."""
