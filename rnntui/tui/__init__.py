"""The screens.  They read run folders and start the headless command; they never import training."""
