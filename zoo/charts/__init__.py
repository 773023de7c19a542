"""Pictures of tables of rows, one file a question. Imports no Keras."""
