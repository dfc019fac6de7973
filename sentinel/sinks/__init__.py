"""Where alerts and data go: one file per kind of receiver, found by file name."""
