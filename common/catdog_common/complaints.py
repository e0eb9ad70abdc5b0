"""What a worker's log says when it can't answer: the worker writes it, the operator tells it."""

KAFKA_UNUSABLE = "Kafka can't be used, and will be tried again"
ANSWERS_REFUSED = "answers are refused, and will be tried again"
NO_NEW_CONNECTION = "Kafka lets no new connection in"
ONLY_BAD_IMAGES = "only bad images come"
COMPLAINTS = (KAFKA_UNUSABLE, ANSWERS_REFUSED, NO_NEW_CONNECTION, ONLY_BAD_IMAGES)
OVER = "a trouble is over"
