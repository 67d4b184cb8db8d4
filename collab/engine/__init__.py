"""The live engine: rooms, replicas, presence. No Django, no Channels, no Redis in here."""
