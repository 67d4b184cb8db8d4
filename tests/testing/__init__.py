"""What convergence tests are made of, and the command that checks a deployment."""
