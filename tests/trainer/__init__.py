"""What needs TensorFlow, and so runs in the trainer's image rather than beside the other tests."""
