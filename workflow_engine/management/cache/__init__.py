"""What `workflow_cache` does, one module for each word; nothing here decides what is stale."""
