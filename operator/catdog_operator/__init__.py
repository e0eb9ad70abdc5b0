"""The CatDog operator: makes the cluster hold what each CatDogModel says."""
