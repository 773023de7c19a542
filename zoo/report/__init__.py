"""Tables of rows in words, for a terminal or a page. Imports no Keras."""
