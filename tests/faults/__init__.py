"""Killed processes, services that go away, peers that do not read: nothing acknowledged is lost."""
