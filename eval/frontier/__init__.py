"""Many runs at once: gain against forgetting, the Pareto front with its uncertainty, cost, and paired tables over several evaluations."""
