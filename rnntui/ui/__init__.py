"""What the command line and the app share."""
