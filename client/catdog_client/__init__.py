"""The command `catdog`: sends photos through Kafka to a CatDogModel and shows what it answers."""
