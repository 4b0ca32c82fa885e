"""Models behind the playgrounds: each answers texts, off the thread of the screen."""
