"""Files → arrays. This room knows no networks."""
