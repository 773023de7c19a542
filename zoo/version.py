"""The version of the zoo. The build reads it from here, and every row of a results table names it."""

VERSION = "0.2.0"
