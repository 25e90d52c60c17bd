"""The command line: options in, one feature call, a rendered result out."""
