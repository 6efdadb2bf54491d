"""The pure core: values and messages in, messages out. No IO, no clock, no log, no thread, no actor."""
