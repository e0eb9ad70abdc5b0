"""What a release is made of beside its images: the OLM bundle and the SBOMs."""
