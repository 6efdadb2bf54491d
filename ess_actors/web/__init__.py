"""The operator API and /metrics: the only package that imports the web framework and prometheus_client."""
