"""Rules and knowledge from a signed file: made, checked, put in place and taken back."""
