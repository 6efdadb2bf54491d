"""Golden folders: each is a story, told by input.jsonl and expected.jsonl."""
