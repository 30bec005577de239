"""What operators see of a running process: metrics, traces and logs. See docs/monitoring.md."""
