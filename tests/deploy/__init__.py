"""What is deployed, run as plain processes: nginx, two web processes, PostgreSQL and Redis."""
