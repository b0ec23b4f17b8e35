"""`tollgate`, the command line of ops and finance: the stages and adapters of the functions, from a terminal."""
