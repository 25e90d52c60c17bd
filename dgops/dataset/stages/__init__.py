"""One module per stage; each declares a STAGE."""
