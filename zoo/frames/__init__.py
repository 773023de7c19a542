"""Tables of the user's own: files as they are, read by pandas, and what their columns hold."""
