"""What is known of families of models: which levels, parameters and modes they take."""
