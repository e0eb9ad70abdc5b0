"""The model version on a claim: where its files lie, what `model.json` says, and whether they are whole."""
