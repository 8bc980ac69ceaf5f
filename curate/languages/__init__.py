"""What is known about languages: their codes, who splits their words, and the figures FineWeb2 published for each."""
