"""Models in a file of your own: its entries, cells and functions become entries of the zoo.

What counts in such a file:

- a function decorated with `zoo.register_entry`;
- a recurrent cell: a layer whose `call` takes `inputs` and `states`, and whose class takes `units` first;
- a function that returns a `keras.Model`: its result is annotated so, or all of its parameters are sizes (`SIZES`).
  With parameters it is built at the sizes of a task, without any at its own.

A process that plans measurements never imports the file: `described` does so in a process of its own, `declare` takes
what that found, and `register` brings the real models into a process that measures.
"""
