"""summary.json of `evaluate run`: intervals, differences and verdicts from nats by document."""
