"""Django's PostgreSQL, with a pool whose connections are asked for a sign of life only where there is a reason."""
