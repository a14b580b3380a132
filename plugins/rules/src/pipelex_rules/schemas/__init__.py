"""The dialects of JSON Schema that providers take, one module each."""
