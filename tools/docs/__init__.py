"""What writes the parts of the documentation that are made from code, and builds the site."""
