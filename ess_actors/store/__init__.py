"""What must survive a restart: the journal of events and commands (SQLite)."""
