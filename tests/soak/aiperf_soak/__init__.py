"""Many short runs, each with one fault at a random instant, and what must be true after it."""
