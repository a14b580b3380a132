"""The whole deck for people and programs: rows, filters, a picture, a page."""
