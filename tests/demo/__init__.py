"""The main job before a person's eyes: every command that they would type, and then what it did."""
